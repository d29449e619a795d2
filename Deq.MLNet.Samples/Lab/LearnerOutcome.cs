namespace Deq.MLNet.Samples.Lab;

/// <summary>What a network came to over the seeds.</summary>
/// <param name="Regime">How it was trained.</param>
/// <param name="Learner">The network.</param>
/// <param name="Rate">The learning rate that was chosen; null for a method that has none.</param>
/// <param name="Runs">One for each seed.</param>
internal abstract record LearnerOutcome<TRun>(Regime Regime, Learner Learner, float? Rate, IReadOnlyList<TRun> Runs)
{
    public IReadOnlyList<double> All(Func<TRun, double> value) => [.. Runs.Select(value)];

    public double Median(Func<TRun, double> value) => Statistics.Median(All(value));

    public double Quantile(Func<TRun, double> value, double share) => Statistics.Quantile(All(value), share);
}
