using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>How the learning rate moves from the first batch to the last.</summary>
public abstract record LearningRateSchedule
{
    private protected LearningRateSchedule() { }

    /// <summary>The same rate throughout.</summary>
    public static LearningRateSchedule Constant { get; } = new ConstantSchedule();

    /// <summary>A linear rise over the first share of the batches, then half a cosine down to a share of the rate.</summary>
    /// <param name="final">The rate at the end as a share of the rate given, in [0, 1); default 0.</param>
    /// <param name="warmup">The share of the batches over which the rate rises from zero, in [0, 1); default 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A share is out of its range.</exception>
    public static LearningRateSchedule Cosine(float final = 0, float warmup = 0) =>
        new CosineSchedule(Check.Within(final, 0f, 1f), Check.Within(warmup, 0f, 1f));

    /// <summary>The factor of the learning rate at a batch.</summary>
    /// <param name="batch">The batch, from 0.</param>
    /// <param name="batches">All batches of the training.</param>
    internal abstract double Factor(long batch, long batches);
}

internal sealed record ConstantSchedule : LearningRateSchedule
{
    internal override double Factor(long batch, long batches) => 1;
}

internal sealed record CosineSchedule(float Final, float Warmup) : LearningRateSchedule
{
    internal override double Factor(long batch, long batches)
    {
        var rise = (double)Warmup * batches;
        if (batch < rise)
        {
            return (batch + 1) / (rise + 1);
        }
        var progress = (batch - rise) / Math.Max(1, batches - rise);
        return Final + (1 - Final) * (1 + Math.Cos(Math.PI * progress)) / 2;
    }
}
