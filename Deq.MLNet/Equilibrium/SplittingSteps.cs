using System.Numerics;
using System.Numerics.Tensors;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Equilibrium;

/// <summary>Forward-backward splitting (Winston and Kolter 2020, algorithm 1): z &lt;- prox(z + step (W z + u - z)). It takes W z + u from the evaluation of f, and no product of its own.</summary>
internal readonly ref struct ForwardBackwardStep<T>(double step, Activation activation, ReadOnlySpan<T> preActivation) : IRowStep<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ReadOnlySpan<T> _preActivation = preActivation;

    public bool TakesValue(int size, double residual) => false;

    public void Advance(Span<T> z, ReadOnlySpan<T> f, double residual)
    {
        TensorPrimitives.Lerp(z, _preActivation, T.CreateChecked(step), z);
        activation.Proximal(step, z);
    }
}

/// <summary>
/// Peaceman-Rachford splitting (Winston and Kolter 2020, algorithm 2), with the resolvent R = ((1 + step) I - step W)^-1 of all rows. Their two half steps are written as one,
/// v &lt;- v + 2 R (z - v + step (W z + u - z)), z &lt;- prox(v): at rest the bracket is zero, whatever the rounding of R.
/// </summary>
internal ref struct PeacemanRachfordStep<T>(double step, T[] resolvent, Activation activation, ReadOnlySpan<T> preActivation, Span<T> scratch) : IRowStep<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ReadOnlySpan<T> _preActivation = preActivation;
    private readonly Span<T> _v = scratch[..preActivation.Length];
    private readonly Span<T> _bracket = scratch.Slice(preActivation.Length, preActivation.Length);
    private bool _started;

    public static int ScratchSize(int size) => 2 * size;

    public readonly bool TakesValue(int size, double residual) => false;

    public void Advance(Span<T> z, ReadOnlySpan<T> f, double residual)
    {
        if (!_started)
        {
            z.CopyTo(_v);
            _started = true;
        }
        TensorPrimitives.Lerp(z, _preActivation, T.CreateChecked(step), _bracket);
        TensorPrimitives.Subtract(_bracket, _v, _bracket);
        for (var i = 0; i < _v.Length; i++)
        {
            _v[i] += (T.One + T.One) * TensorPrimitives.Dot<T>(resolvent.AsSpan(i * _v.Length, _v.Length), _bracket);
        }
        _v.CopyTo(z);
        activation.Proximal(step, z);
    }
}

/// <summary>What the splittings take from W once for all rows, in float64.</summary>
internal static class Splitting
{
    /// <summary>m / ||I - W||^2 with m the least eigenvalue of the symmetric part of I - W, by which forward-backward splitting contracts. Where m is not positive, and nothing is known to, 1 / (1 + ||I - W||).</summary>
    public static double ForwardBackwardStep<T>(CellWeights<T> weights) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var d = weights.Size;
        var shifted = System(weights, 1, 1);
        var negative = new double[d][];
        // The largest eigenvalue is asked of entries of size 1.
        var scale = 1 + weights.NormOfW;
        for (var i = 0; i < d; i++)
        {
            negative[i] = new double[d];
            for (var j = 0; j < d; j++)
            {
                negative[i][j] = -(shifted[i * d + j] + shifted[j * d + i]) / 2 / scale;
            }
        }
        var m = -scale * SymmetricEigenvalue.Largest(negative);
        var norm = SpectralNorm.Of<double>(shifted, d);
        return m > 0 ? m / (norm * norm) : 1 / (1 + norm);
    }

    /// <summary>((1 + step) I - step W)^-1; NaN where there is none, which no monotone cell has.</summary>
    public static T[] Resolvent<T>(CellWeights<T> weights, double step) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var d = weights.Size;
        var system = System(weights, 1 + step, step);
        var (pivots, column, resolvent) = (new int[d], new double[d], new T[d * d]);
        if (!Lu.Factor(system, pivots))
        {
            Array.Fill(resolvent, T.NaN);
            return resolvent;
        }
        for (var j = 0; j < d; j++)
        {
            Array.Clear(column);
            column[j] = 1;
            Lu.Solve(system, pivots, column);
            for (var i = 0; i < d; i++)
            {
                resolvent[i * d + j] = T.CreateSaturating(column[i]);
            }
        }
        return resolvent;
    }

    /// <summary>diagonal I - factor W.</summary>
    private static double[] System<T>(CellWeights<T> weights, double diagonal, double factor) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var system = new double[weights.W.Length];
        TensorPrimitives.ConvertChecked(weights.W, system);
        TensorPrimitives.Multiply<double>(system, -factor, system);
        for (var i = 0; i < system.Length; i += weights.Size + 1)
        {
            system[i] += diagonal;
        }
        return system;
    }
}
