using System.Numerics;
using System.Numerics.Tensors;

namespace Deq.MLNet.Training.Simd.Projections;

/// <summary>The nearest W whose rows have sums of magnitudes of at most a limit.</summary>
/// <remarks>
/// Row by row the projection onto the l1 ball: magnitudes are lowered by the threshold t that leaves the limit. Where a row is above it, t is the zero of the convex sum of max(|w| - t, 0) less the limit,
/// to which Newton's method comes from below in finitely many steps (Michelot, JOTA 1986). What rounding leaves above the limit is scaled away.
/// </remarks>
internal sealed class InfinityNormProjection(double limit) : SimdProjection
{
    private readonly float _target = (float)(limit / (1 + BoundMargins.OfNorm));

    public override void Project(SimdParameter w)
    {
        var largest = 0.0;
        for (var i = 0; i < w.Rows; i++)
        {
            var row = Row(w.ValueSpan, i, w.Columns);
            var sum = TensorPrimitives.SumOfMagnitudes<float>(row);
            if (!(sum <= _target))
            {
                Lower(row, Threshold(row, sum));
                sum = TensorPrimitives.SumOfMagnitudes<float>(row);
            }
            largest = Math.Max(largest, ScaleDown(row, sum * (1 + BoundMargins.OfNorm), limit));
        }
        Bound = largest;
    }

    private float Threshold(ReadOnlySpan<float> row, float sum)
    {
        var (threshold, count) = (0f, (float)row.Length);
        while (true)
        {
            var next = threshold + (sum - _target) / count;
            // Rounding ends it at the latest; NaN at once.
            if (!(next > threshold))
            {
                return next;
            }
            threshold = next;
            (sum, count) = Above(row, threshold);
            if (count == 0)
            {
                return threshold;
            }
        }
    }

    /// <summary>The sum of max(|w| - t, 0), and how many terms it has.</summary>
    private static (float Sum, float Count) Above(ReadOnlySpan<float> row, float threshold)
    {
        var (sums, counts, t) = (Vector<float>.Zero, Vector<float>.Zero, new Vector<float>(threshold));
        var i = 0;
        for (; i <= row.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var rest = Vector.Max(Vector.Abs(new Vector<float>(row[i..])) - t, Vector<float>.Zero);
            sums += rest;
            counts += Vector.ConditionalSelect(Vector.GreaterThan(rest, Vector<float>.Zero), Vector<float>.One, Vector<float>.Zero);
        }
        var (sum, count) = (Vector.Sum(sums), Vector.Sum(counts));
        for (; i < row.Length; i++)
        {
            var rest = MathF.Max(MathF.Abs(row[i]) - threshold, 0);
            sum += rest;
            count += rest > 0 ? 1 : 0;
        }
        return (sum, count);
    }

    /// <summary>Brings values nearer to 0, by a threshold at the most.</summary>
    private static void Lower(Span<float> row, float threshold)
    {
        var (high, low) = (new Vector<float>(threshold), new Vector<float>(-threshold));
        var i = 0;
        for (; i <= row.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var values = new Vector<float>(row[i..]);
            (values - Vector.Min(Vector.Max(values, low), high)).CopyTo(row[i..]);
        }
        for (; i < row.Length; i++)
        {
            row[i] -= MathF.Min(MathF.Max(row[i], -threshold), threshold);
        }
    }
}
