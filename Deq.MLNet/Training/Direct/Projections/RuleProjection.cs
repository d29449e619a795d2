using System.Numerics.Tensors;
using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Direct.Projections;

/// <summary>Brings W back under its rule, exactly, by its rows that move; those that do not obey it by themselves.</summary>
internal sealed class RuleProjection(DeqArchitecture architecture, int size)
{
    /// <summary>Halvings by which the share is found that rows which move may keep beside those that do not.</summary>
    private const int Halvings = 30;

    /// <summary>What W may have; rounded to float32 it must not have more than the rule's limit. Rounding moves a norm of magnitudes by no larger a share than the weights, the 2-norm by up to sqrt(d) times that.</summary>
    private readonly double _limit = architecture.LimitOfNorm() * (1 - (architecture.Rule is SpectralRule ? BoundMargins.OfNorm : BoundMargins.Rounding));

    /// <summary>Whether an entry of W is zero by the rule.</summary>
    public bool IsZero(int row, int column) => architecture.Rule switch
    {
        StrictlyTriangularRule => column >= row,
        DiagonalRule => column != row,
        _ => false,
    };

    /// <summary>Projects W; a row moves where one of its entries is free.</summary>
    public void Project(Span<double> w, ReadOnlySpan<bool> isFree)
    {
        for (var i = 0; i < w.Length; i++)
        {
            w[i] = IsZero(i / size, i % size) ? 0 : w[i];
        }
        // Weights that are not finite are for training to find.
        if (double.IsNaN(_limit) || !Kernels.AllFinite<double>(w))
        {
            return;
        }
        switch (architecture.Rule)
        {
            case InfinityNormRule or DiagonalRule:
                for (var i = 0; i < size; i++)
                {
                    if (Moves(isFree, i))
                    {
                        ToBall(w.Slice(i * size, size), _limit);
                    }
                }
                break;
            default:
                if (Norm(w) > _limit)
                {
                    Shrink(w, isFree);
                }
                break;
        }
    }

    /// <summary>What the rule limits; NaN where it limits nothing.</summary>
    public double Norm(ReadOnlySpan<double> w) => architecture.Rule switch
    {
        SpectralRule => SpectralNorm.Of(w, size),
        PerronRule => AbsoluteMatrix.Perron(w, size).Root,
        InfinityNormRule or DiagonalRule => AbsoluteMatrix.LargestRowSum(w, size),
        _ => double.NaN,
    };

    private bool Moves(ReadOnlySpan<bool> isFree, int row) => isFree.Slice(row * size, size).Contains(true);

    /// <summary>Scales the rows that move by the largest factor with which W obeys.</summary>
    private void Shrink(Span<double> w, ReadOnlySpan<bool> isFree)
    {
        var all = true;
        for (var i = 0; i < size; i++)
        {
            all &= Moves(isFree, i);
        }
        var (given, factor) = (w.ToArray(), 0.0);
        if (all)
        {
            Scale(w, given, isFree, _limit / Norm(w));
            return;
        }
        // Rows that stay may have all of the rule's limit by themselves; others may have what is left of it.
        Scale(w, given, isFree, 0);
        var limit = Math.Max(architecture.LimitOfNorm() * (1 - BoundMargins.Rounding), Norm(w));
        for (var step = 0.5; step > Math.ScaleB(1, -Halvings); step /= 2)
        {
            Scale(w, given, isFree, factor + step);
            factor += Norm(w) <= limit ? step : 0;
        }
        Scale(w, given, isFree, factor * (1 - BoundMargins.Rounding));
    }

    private void Scale(Span<double> w, ReadOnlySpan<double> given, ReadOnlySpan<bool> isFree, double factor)
    {
        for (var i = 0; i < size; i++)
        {
            if (Moves(isFree, i))
            {
                TensorPrimitives.Multiply(given.Slice(i * size, size), factor, w.Slice(i * size, size));
            }
        }
    }

    /// <summary>The nearest row whose sum of magnitudes is within a limit: magnitudes are lowered by one threshold, found by Michelot's iteration (JOTA 1986).</summary>
    private static void ToBall(Span<double> row, double limit)
    {
        var sum = TensorPrimitives.SumOfMagnitudes<double>(row);
        if (!(sum > limit))
        {
            return;
        }
        var (threshold, count) = (0.0, row.Length);
        for (double next; count > 0 && (next = threshold + (sum - limit) / count) > threshold;)
        {
            (threshold, sum, count) = (next, 0, 0);
            foreach (var value in row)
            {
                var rest = Math.Abs(value) - threshold;
                (sum, count) = rest > 0 ? (sum + rest, count + 1) : (sum, count);
            }
        }
        foreach (ref var value in row)
        {
            value = Math.CopySign(Math.Max(Math.Abs(value) - threshold, 0), value);
        }
    }
}
