using System.Numerics;
using System.Numerics.Tensors;
using Deq.MLNet.Networks;

namespace Deq.MLNet.Training.Simd.Projections;

/// <summary>Brings W back under its rule, in place, for a small share of the time of a training step.</summary>
internal abstract class SimdProjection
{
    /// <summary>The projection of a rule; null where there is none.</summary>
    public static SimdProjection? Create(DeqArchitecture architecture)
    {
        var limit = architecture.LimitOfNorm();
        return architecture.Rule switch
        {
            SpectralRule => new SpectralProjection(limit),
            InfinityNormRule => new InfinityNormProjection(limit),
            PerronRule => new PerronProjection(limit),
            DiagonalRule => new DiagonalProjection(limit),
            StrictlyTriangularRule => new StrictlyTriangularProjection(),
            NoRule => null,
            var rule => throw new NotSupportedException($"{rule} has no projection."),
        };
    }

    /// <summary>What the rule bounds, from above, after the last projection; NaN where it is not known, and for a rule without a bound.</summary>
    public double Bound { get; protected set; } = double.NaN;

    /// <summary>Lets what is kept from step to step start anew: called at the start of an epoch, so that a training that resumes does the same.</summary>
    public virtual void BeginEpoch() { }

    /// <summary>Projects W after a step. Where what a rule limits costs too much to bound, it goes by an estimate.</summary>
    public abstract void Project(SimdParameter w);

    /// <summary>Makes a W certain to obey that was projected by an estimate.</summary>
    public virtual void Enforce(SimdParameter w) { }

    /// <summary>Zeroes the gradient of entries of W that are always zero: else it would count where gradients are clipped by their norm.</summary>
    public virtual void Restrict(SimdParameter w) { }

    /// <summary>A row of a d x d matrix.</summary>
    protected static Span<float> Row(Span<float> matrix, int row, int size) => matrix.Slice(row * size, size);

    /// <summary>Scales values by a factor of at most 1 that brings a bound on them under a limit; leaves them as they are where it is under it. Returns the bound after it.</summary>
    public static double ScaleDown(Span<float> values, double bound, double limit)
    {
        var factor = (float)(limit * (1 - BoundMargins.Rounding) / bound);
        // NaN is no factor of 1 or more: it spreads, for training to find.
        if (factor >= 1)
        {
            return bound;
        }
        TensorPrimitives.Multiply(values, factor, values);
        return bound * factor;
    }

    /// <summary>The sum of |a_i| b_i.</summary>
    protected static float AbsoluteDot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sums = Vector<float>.Zero;
        var i = 0;
        for (; i <= a.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            sums += Vector.Abs(new Vector<float>(a[i..])) * new Vector<float>(b[i..]);
        }
        var sum = Vector.Sum(sums);
        for (; i < a.Length; i++)
        {
            sum += Math.Abs(a[i]) * b[i];
        }
        return sum;
    }
}
