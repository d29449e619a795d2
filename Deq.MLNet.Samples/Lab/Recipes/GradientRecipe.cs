using System.Globalization;

namespace Deq.MLNet.Samples.Lab;

/// <summary>
/// Adam with a cosine schedule, straight at the target. The learning rate is chosen for each network and target.
/// </summary>
/// <param name="Regime">What tables call it.</param>
/// <param name="Epochs">Passes over the rows.</param>
/// <param name="RowCount">Training rows, of which a step takes 256.</param>
internal sealed record GradientRecipe(string Regime, int Epochs, int RowCount)
{
    private const int Batch = 256;

    /// <summary>A learning rate that is not chosen, as in a small run; null for one that is.</summary>
    public float? FixedRate { get; init; }

    /// <summary>Several starts, whose first epochs are of <see cref="Epochs"/>; null for one.</summary>
    public Starts? Starts { get; init; }

    /// <summary>The bound of every row sum and bias; null for none.</summary>
    public float? MaxWeightNorm { get; init; }

    private double Steps => Epochs * (double)(RowCount / Batch);

    public string Effort => string.Create(CultureInfo.InvariantCulture, $"Adam, {Steps} steps of {Batch} of {RowCount} rows, cosine schedule, {(FixedRate is { } rate ? $"a learning rate of {rate}" : "the learning rate chosen")}")
        + (Starts is null ? "" : $"; {Starts.Count} starts, of which the best {Starts.Finalists} by training loss go on after {Starts.Epochs * (RowCount / Batch)} steps");

    /// <summary>Trains a network from each seed at the learning rate that suits it.</summary>
    /// <param name="size">The network.</param>
    /// <param name="target">The function.</param>
    /// <param name="first">The first seed of the test.</param>
    /// <param name="count">How many seeds.</param>
    public Series Run(Size size, Target target, int first, int count)
    {
        var rate = FixedRate ?? Tuning.Choose((rate, seed) => Train(size, target, rate, seed).Validation);
        return Series.Train(Regime, size.Name, target, first, count, seed => Train(size, target, rate, seed)) with { LearningRate = rate };
    }

    private Outcome Train(Size size, Target target, float rate, int seed)
    {
        var fitted = Fitted.Try(() => size.Fit(target.Sample(RowCount, seed), target, options =>
        {
            options.Engine = Engine.Simd;
            options.LearningRate = rate;
            options.LearningRateSchedule = LearningRateSchedule.Cosine();
            options.BatchSize = Batch;
            options.Epochs = Epochs;
            options.Starts = Starts;
            options.MaxWeightNorm = MaxWeightNorm;
            options.Seed = seed;
        }));
        return new Outcome(size, target, seed, fitted, Flops.Gradient(size.Forward(target.Inputs), RowCount, EpochsOfAllStarts), fitted.Seconds);
    }

    private double EpochsOfAllStarts => Epochs + (Starts is { } starts ? (starts.Count - 1) * starts.Epochs + (starts.Finalists - 1) * starts.FinalistEpochs : 0);
}
