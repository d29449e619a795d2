using Deq.MLNet.Errors;
using Deq.MLNet.Training;

namespace Deq.MLNet;

/// <summary>How the learning rate moves from the first batch to the last. Its factors multiply the rate given.</summary>
public abstract record LearningRateSchedule
{
    private protected LearningRateSchedule() { }

    /// <summary>The same rate throughout.</summary>
    public static LearningRateSchedule Constant { get; } = new ConstantSchedule();

    /// <summary>Half a cosine from the rate down to a share of it. Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, without restarts.</summary>
    /// <param name="final">The rate at the end as a share of the rate given, in [0, 1); default 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The share is out of its range.</exception>
    public static LearningRateSchedule Cosine(float final = 0) => new CosineSchedule(Check.Within(final, 0f, 1f));

    /// <summary>One rise to the rate given, and one fall far below where it began, each half a cosine. Source: Smith and Topin, "Super-convergence: very fast training
    /// of neural networks using large learning rates", 2018; momentum is left as it is.</summary>
    /// <param name="rise">The share of all batches over which the rate rises, in [0, 1); default 0.3.</param>
    /// <param name="startDivisor">The rate at the first batch is the rate given divided by this, at least 1; default 25.</param>
    /// <param name="finalDivisor">The rate at the last batch is that of the first divided by this, at least 1; default 1e4.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static LearningRateSchedule OneCycle(float rise = 0.3f, float startDivisor = 25, float finalDivisor = 1e4f) =>
        new OneCycleSchedule(Check.Within(rise, 0f, 1f), Check.Within(startDivisor, 1f, float.PositiveInfinity), Check.Within(finalDivisor, 1f, float.PositiveInfinity));

    /// <summary>The rate is multiplied by a factor whenever the loss has not become better for some epochs: the validation loss where there are validation rows, else the training loss.</summary>
    /// <param name="factor">In (0, 1); default 0.1.</param>
    /// <param name="patience">Epochs without a better loss, since the best or since the last cut, before the rate is cut; at least 1; default 10.</param>
    /// <param name="minDelta">A loss counts as better when it is lower by more than this share of the best, in [0, 1); default 1e-4.</param>
    /// <param name="minimum">The least rate as a share of the rate given, in [0, 1); default 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static LearningRateSchedule ReduceOnPlateau(float factor = 0.1f, int patience = 10, float minDelta = 1e-4f, float minimum = 0) =>
        new PlateauSchedule(Check.Within(Check.Positive(factor), 0f, 1f, nameof(factor)), Check.AtLeast(patience, 1), Check.Within(minDelta, 0f, 1f), Check.Within(minimum, 0f, 1f));

    /// <summary>This schedule after a linear rise from near zero to where it begins.</summary>
    /// <param name="share">The share of all batches over which the rate rises, in [0, 1); this schedule gets the rest of them.</param>
    /// <exception cref="ArgumentOutOfRangeException">The share is out of its range.</exception>
    public LearningRateSchedule WithWarmUp(float share) => new WarmUpSchedule(Check.Within(share, 0f, 1f), this);

    /// <summary>This schedule for the epoch after those that are done: what follows from them alone is worked out once.</summary>
    internal virtual LearningRateSchedule After(IReadOnlyList<TrainingEpoch> epochs) => this;

    /// <summary>The factor of the learning rate at a batch of the epoch that <see cref="After"/> was asked for. It follows from history and position alone, so that a training that resumes goes on with the same rates.</summary>
    internal abstract double Factor(TrainingPosition at);
}

internal sealed record ConstantSchedule : LearningRateSchedule
{
    internal override double Factor(TrainingPosition at) => 1;
}

internal sealed record CosineSchedule(float Final) : LearningRateSchedule
{
    internal override double Factor(TrainingPosition at) => Between(1, Final, at.Batch / Math.Max(1.0, at.Batches));

    /// <summary>Half a cosine from one number at share 0 to another at share 1.</summary>
    public static double Between(double from, double to, double share) => to + (from - to) * (1 + Math.Cos(Math.PI * share)) / 2;
}

internal sealed record OneCycleSchedule(float Rise, float StartDivisor, float FinalDivisor) : LearningRateSchedule
{
    internal override double Factor(TrainingPosition at)
    {
        var start = 1.0 / StartDivisor;
        var last = at.Batches - 1;
        var top = Math.Max(0, (double)Rise * at.Batches - 1);
        return at.Batch < top
            ? CosineSchedule.Between(start, 1, at.Batch / top)
            : CosineSchedule.Between(1, start / FinalDivisor, last > top ? (at.Batch - top) / (last - top) : 0);
    }
}

/// <summary>One factor for a while.</summary>
internal sealed record HeldSchedule(double Share) : LearningRateSchedule
{
    internal override double Factor(TrainingPosition at) => Share;
}

internal sealed record PlateauSchedule(float Multiplier, int Patience, float MinDelta, float Minimum) : LearningRateSchedule
{
    internal override LearningRateSchedule After(IReadOnlyList<TrainingEpoch> epochs) => new HeldSchedule(Factor(epochs));

    internal override double Factor(TrainingPosition at) => 1;

    private double Factor(IReadOnlyList<TrainingEpoch> epochs)
    {
        var factor = 1.0;
        double? best = null;
        var waited = 0;
        foreach (var epoch in epochs)
        {
            var loss = epoch.ValidationLoss ?? epoch.TrainingLoss;
            if (EarlyStopping.IsBetter(loss, best, MinDelta))
            {
                (best, waited) = (loss, 0);
            }
            else if (++waited == Patience)
            {
                (factor, waited) = (Math.Max(Minimum, factor * Multiplier), 0);
            }
        }
        return factor;
    }
}

internal sealed record WarmUpSchedule(float Share, LearningRateSchedule Inner) : LearningRateSchedule
{
    internal override LearningRateSchedule After(IReadOnlyList<TrainingEpoch> epochs) => this with { Inner = Inner.After(epochs) };

    internal override double Factor(TrainingPosition at)
    {
        // A whole number of batches, and at least one for the schedule behind it.
        var rise = Math.Min((long)Math.Round((double)Share * at.Batches), at.Batches - 1);
        var inner = Inner.Factor(at with { Batch = Math.Max(0, at.Batch - rise), Batches = at.Batches - rise });
        return at.Batch < rise ? inner * (at.Batch + 1) / (rise + 1) : inner;
    }
}
