namespace Deq.MLNet.Samples.Lab;

/// <summary>Errors of two models over the same seeds, the smaller the better.</summary>
internal sealed record Comparison(IReadOnlyList<double> Deq, IReadOnlyList<double> Fnn)
{
    /// <summary>What an error must exceed to tell anything but rounding and how near rows happen to lie to kinks.</summary>
    public const double Exact = 1e-6;

    public const string HowItIsJudged = "A verdict goes by medians over seeds: one network is ahead where its median is lower by more than a tenth and the quartiles of the two do not overlap. Errors below 1e-6 count as exact and alike. "
        + "Where both medians come to nine tenths of the best constant's error, neither learns it. All else is a tie. What networks make of an unseen part is compared where both fit the seen one, with a median error there below a hundredth of the variance; else the verdict says which does not fit.";

    /// <summary>The error of the best constant; infinite where a model that is worse than it still tells something.</summary>
    public double Constant { get; init; } = double.PositiveInfinity;

    /// <summary>Whether they fit what they were shown. What one that does not makes of anything else tells nothing.</summary>
    public (bool Deq, bool Fnn) Fit { get; init; } = (true, true);

    public string Verdict => (Deq, Fnn) switch
    {
        _ when Fit != (true, true) => Fit.Deq ? "FNN does not fit" : Fit.Fnn ? "DEQ does not fit" : "neither fits",
        _ when LearnsNothing(Deq) && LearnsNothing(Fnn) => "neither learns it",
        _ when IsBelow(Deq, Fnn) => "DEQ wins",
        _ when IsBelow(Fnn, Deq) => "DEQ loses",
        _ => "tie",
    };

    public string Because => $"DEQ {Describe(Deq)}, FNN {Describe(Fnn)}, medians with quartiles over {Seeds.Counted(Deq.Count)}";

    /// <summary>Whether values are clearly lower than others.</summary>
    public static bool IsBelow(IReadOnlyList<double> one, IReadOnlyList<double> other)
    {
        return At(one, 0.5) < 0.9 * At(other, 0.5) && At(one, 0.75) < At(other, 0.25);

        static double At(IReadOnlyList<double> values, double share) => Math.Max(Exact, Statistics.Quantile(values, share));
    }

    private bool LearnsNothing(IReadOnlyList<double> errors) => Statistics.Median(errors) >= 0.9 * Constant;

    /// <summary>A median with its quartiles.</summary>
    public static string Describe(IReadOnlyList<double> errors) =>
        FormattableString.Invariant($"{Statistics.Median(errors):G3} ({Statistics.Quantile(errors, 0.25):G3} to {Statistics.Quantile(errors, 0.75):G3})");
}
