using System.Numerics.Tensors;
using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;

namespace Deq.MLNet;

/// <summary>How far plain iteration from zero, cut off after k steps, is from the float64 equilibrium: what an unrolled export chooses its steps by.</summary>
/// <param name="Rows">The training rows it was measured on; the rows themselves are not kept.</param>
/// <param name="Scale">max |y| over those rows, in units of the output.</param>
/// <param name="MaxErrors">At index k - 1: max |y_k - y| / max |y| over rows and outputs after k steps in float32.</param>
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
    internal static UnrollCurve? Measure(DeqNetwork network, IReadOnlyList<ReadOnlyMemory<float>> rows)
    {
        var reference = new DeqReference(network);
        var equilibria = new double[rows.Count][];
        var errors = new double[rows.Count][];
        Parallel.For(0, rows.Count, r =>
        {
            equilibria[r] = reference.Evaluate(rows[r].Span);
            errors[r] = RowErrors(network, rows[r].Span, equilibria[r]);
        });
        if (rows.Count == 0 || !equilibria.All(y => Kernels.AllFinite<double>(y)))
        {
            return null;
        }
        var scale = equilibria.Max(y => Math.Abs(TensorPrimitives.MaxMagnitude<double>(y)));
        var unit = scale > 0 ? scale : 1;
        var max = new float[errors.Max(e => e.Length)];
        var mean = new float[max.Length];
        for (var k = 0; k < max.Length; k++)
        {
            // A row that came to rest keeps its last error.
            var column = errors.Select(e => e[Math.Min(k, e.Length - 1)] / unit);
            max[k] = (float)column.Max();
            mean[k] = (float)column.Average();
        }
        return new UnrollCurve(rows.Count, (float)scale, max, mean);
    }

    /// <summary>The largest error of one row's outputs after 1, 2, ... steps, until the state repeats.</summary>
    private static double[] RowErrors(DeqNetwork network, ReadOnlySpan<float> x, double[] equilibrium)
    {
        var injection = new float[network.StateSize];
        Kernels.Affine(network.U.Span, x, network.B.Span, injection);
        var cell = new CellMap<float>(network.W.Span, injection, network.Activation, 0);
        var (z, next) = (new float[network.StateSize], new float[network.StateSize]);
        var y = new float[network.OutputSize];
        var errors = new List<double>();
        var atRest = false;
        while (!atRest && errors.Count < MaxSteps)
        {
            cell.Apply(z, next);
            Kernels.Affine(network.V.Span, next, network.C.Span, y);
            network.Link.Apply<float>(y);
            // Max would pass over a NaN, and a row that ran away would not count.
            errors.Add(Kernels.AllFinite<float>(y) ? y.Zip(equilibrium, (a, b) => Math.Abs(a - b)).Max() : double.PositiveInfinity);
            atRest = z.AsSpan().SequenceEqual(next);
            (z, next) = (next, z);
        }
        return [.. errors];
    }
}
