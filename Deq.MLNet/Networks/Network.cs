using Deq.MLNet.Errors;
using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;

namespace Deq.MLNet;

/// <summary>
/// A trained network as data: an immutable description and arrays of float32 weights, from n features to K outputs.
/// Scoring and ONNX export read it; training makes it. All members may be used by many threads at once.
/// </summary>
public abstract class Network
{
    private protected Network(int inputSize, int outputSize, Activation activation, Link link)
    {
        InputSize = Check.AtLeast(inputSize, 1);
        OutputSize = Check.AtLeast(outputSize, 1);
        Activation = Check.Defined(activation);
        Link = Check.Defined(link);
    }

    /// <summary>n, the number of features.</summary>
    public int InputSize { get; }

    /// <summary>K, the number of outputs.</summary>
    public int OutputSize { get; }

    /// <summary>phi of the cell, or of every hidden layer.</summary>
    public Activation Activation { get; }

    /// <summary>What is applied to the last affine layer.</summary>
    public Link Link { get; }

    /// <summary>The number of trained weights.</summary>
    public abstract int ParameterCount { get; }

    /// <summary>The scratch that <see cref="Evaluate"/> needs, in values.</summary>
    public abstract int ScratchSize { get; }

    /// <summary>Computes the outputs of one row.</summary>
    /// <param name="x">n features. A NaN or infinity among them makes every output NaN.</param>
    /// <param name="scratch">At least <see cref="ScratchSize"/> values; their content does not matter. Not to be shared between threads.</param>
    /// <param name="y">Receives K outputs.</param>
    /// <exception cref="ArgumentException">A span has the wrong length.</exception>
    public void Evaluate(ReadOnlySpan<float> x, Span<float> scratch, Span<float> y)
    {
        EvaluateAffine(x, scratch, y);
        Link.Apply(y);
    }

    /// <summary>Computes the outputs of one row in float64, those of a deep equilibrium network at its equilibrium, to float64's own rounding error times what the cell makes of a residual (<see cref="Certificate.ErrorPerResidual"/>): what float32 scoring and exports are measured against.</summary>
    /// <param name="x">n features. A NaN or infinity among them makes every output NaN.</param>
    /// <returns>K outputs; NaN where the equilibrium was not found. <see cref="DeqNetwork.Scoring"/> is of no effect: cells of a rule, and triangular ones, are solved by the method that is theirs, others by Newton's method where an error may be a thousand residuals and more, else by Anderson mixing and, where that does not arrive, by plain iteration, in at most 5,000 evaluations each.</returns>
    /// <remarks>Slower than <see cref="Evaluate"/>. The first call makes a float64 copy of the weights, which stays with the network.</remarks>
    /// <exception cref="ArgumentException">x has the wrong length.</exception>
    public double[] EvaluateFloat64(ReadOnlySpan<float> x)
    {
        Check.Length(x, InputSize, "(n)");
        var y = new double[OutputSize];
        if (Kernels.AllFinite(x))
        {
            y = EvaluateAffineFloat64(x);
            Link.Apply<double>(y);
        }
        else
        {
            Array.Fill(y, double.NaN);
        }
        return y;
    }

    /// <summary>Computes the outputs of one row before the link, as <see cref="Evaluate"/> does: logits, margins, or the logarithm of a mean.</summary>
    internal void EvaluateAffine(ReadOnlySpan<float> x, Span<float> scratch, Span<float> y)
    {
        CheckRow(x, scratch);
        Check.Length((ReadOnlySpan<float>)y, OutputSize, "(K)", nameof(y));
        if (Kernels.AllFinite(x))
        {
            EvaluateCore(x, scratch, y);
        }
        else
        {
            y.Fill(float.NaN);
        }
    }

    private protected void CheckRow(ReadOnlySpan<float> x, ReadOnlySpan<float> scratch)
    {
        Check.Length(x, InputSize, "(n)");
        if (scratch.Length < ScratchSize)
        {
            throw new ArgumentException($"scratch has {scratch.Length} values; this network needs {ScratchSize}.", nameof(scratch));
        }
    }

    /// <summary>The outputs before the link, in float64.</summary>
    private protected abstract double[] EvaluateAffineFloat64(ReadOnlySpan<float> x);

    /// <summary>The outputs before the link.</summary>
    private protected abstract void EvaluateCore(ReadOnlySpan<float> x, Span<float> scratch, Span<float> y);

    /// <summary>The network x -> link(outputMap(affine outputs of inputMap(x))), with both maps folded into the weights, in float64.</summary>
    internal abstract Network Fold(AffineMap inputMap, AffineMap outputMap);

    private protected void CheckFold(AffineMap inputMap, AffineMap outputMap)
    {
        if (inputMap.Size != InputSize || outputMap.Size != OutputSize)
        {
            throw new ArgumentException($"The maps are of {inputMap.Size} and {outputMap.Size} values; the network has {InputSize} features and {OutputSize} outputs.");
        }
    }
}
