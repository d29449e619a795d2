using System.Numerics.Tensors;
using Deq.MLNet.Equilibrium;
using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;

namespace Deq.MLNet;

/// <summary>How far plain iteration from zero, cut off after k steps, is from the float64 equilibrium: what an unrolled export chooses its steps by.</summary>
/// <param name="Rows">The training rows it was measured on; the rows themselves are not kept.</param>
/// <param name="Scale">max |y| over those rows, in units of the output; for two classes of the Score.</param>
/// <param name="MaxErrors">At index k - 1: max |y_k - y| / max |y| over rows and outputs after k steps in float32. For two classes the larger of that of the Score and that of the Probability. The error of a probability is taken where the logistic or the softmax is steepest: a row not seen may lie there.</param>
/// <param name="MeanErrors">The same, the mean over rows of each row's largest error.</param>
public sealed record UnrollCurve(int Rows, float Scale, IReadOnlyList<float> MaxErrors, IReadOnlyList<float> MeanErrors)
{
    /// <summary>Steps that are measured at the most.</summary>
    internal const int MaxSteps = 300;

    /// <summary>The least number of steps from which on the error stays at or below a bound; null where the curve never does.</summary>
    /// <param name="maxError">The bound, as a share of max |y|.</param>
    public int? StepsFor(double maxError)
    {
        var steps = MaxErrors.Count;
        while (steps > 0 && MaxErrors[steps - 1] <= maxError)
        {
            steps--;
        }
        return steps == MaxErrors.Count ? null : steps + 1;
    }

    /// <summary>Measures the curve on rows of n features; null without rows, or where the float64 equilibrium of a row was not found.</summary>
    /// <param name="network">The network.</param>
    /// <param name="rows">Rows of n features.</param>
    /// <param name="readouts">What a model gives; an error is the largest share among them, each of its own max |y|. None for the network's link.</param>
    internal static UnrollCurve? Measure(DeqNetwork network, IReadOnlyList<ReadOnlyMemory<float>> rows, params IReadOnlyList<Readout> readouts)
    {
        readouts = readouts.Count > 0 ? readouts : [new Readout(network.Link)];
        var reference = new DeqReference(network);
        var exact = new double[rows.Count][];
        var errors = new List<double[]>[rows.Count];
        Parallel.For(0, rows.Count, r =>
        {
            exact[r] = reference.EvaluateAffine(rows[r].Span);
            errors[r] = RowErrors(network, rows[r].Span, readouts, exact[r]);
        });
        if (rows.Count == 0 || !exact.All(affine => Kernels.AllFinite<double>(affine)))
        {
            return null;
        }
        double[] scales = [.. readouts.Select(readout => exact.Max(affine => Math.Abs(TensorPrimitives.MaxMagnitude<double>(readout.Of(affine)))))];
        if (!Kernels.AllFinite<double>(scales))
        {
            return null;
        }
        var max = new float[errors.Max(e => e.Count)];
        var mean = new float[max.Length];
        for (var k = 0; k < max.Length; k++)
        {
            // A row that came to rest keeps its last error.
            var column = errors.Select(e => e[Math.Min(k, e.Count - 1)].Zip(scales, (error, scale) => error / (scale > 0 ? scale : 1)).Max()).ToList();
            max[k] = (float)column.Max();
            mean[k] = (float)column.Average();
        }
        return new UnrollCurve(rows.Count, (float)scales[0], max, mean);
    }

    /// <summary>The largest error of each readout of one row after 1, 2, ... steps, until the state repeats.</summary>
    private static List<double[]> RowErrors(DeqNetwork network, ReadOnlySpan<float> x, IReadOnlyList<Readout> readouts, double[] exact)
    {
        var injection = new float[network.StateSize];
        network.Inject(x, new float[network.ScratchSize], injection);
        var cell = new Cell<float>(network.Cell, injection);
        var (z, next) = (new float[network.StateSize], new float[network.StateSize]);
        var affine = new float[network.OutputSize];
        var errors = new List<double[]>();
        var atRest = false;
        while (!atRest && errors.Count < MaxSteps)
        {
            cell.Apply(z, next);
            network.Read(x, next, affine);
            var wide = Kernels.ToDouble(affine);
            errors.Add([.. readouts.Select(readout => readout.Error(wide, exact))]);
            atRest = z.AsSpan().SequenceEqual(next);
            (z, next) = (next, z);
        }
        return errors;
    }
}
