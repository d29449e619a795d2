namespace Deq.MLNet.Samples.Lab;

/// <summary>Who is ahead among networks that were trained alike: the best DEQ and the best FNN. They are chosen by validation points and compared by test points.</summary>
internal sealed record Contest(Series Deq, Series Fnn)
{
    public static Contest Of(IEnumerable<Series> series)
    {
        var all = series.ToList();
        return new Contest(all.Where(s => s.IsDeq).MinBy(s => s.Validation)!, all.Where(s => !s.IsDeq).MinBy(s => s.Validation)!);
    }

    /// <summary>How many times the DEQ's error the FNN's is.</summary>
    public double Ratio => Fnn.Median / Deq.Median;

    public string Verdict => new Comparison([.. Deq.Errors], [.. Fnn.Errors]) { Constant = Deq.Target.Variance }.Verdict;

    public string Because => $"{Deq.Model} {Comparison.Describe([.. Deq.Errors])}, {Fnn.Model} {Comparison.Describe([.. Fnn.Errors])}, medians with quartiles over {Seeds.Counted(Deq.Outcomes.Count)}";

    public const string HowItIsJudged = "The DEQ and the FNN of a regime with the least median error over validation points are compared by test points. " + Comparison.HowItIsJudged;

    public void Tell(Report report, string figure, bool isVariant = false) => report.Verdict(figure, Deq.Regime, Verdict, Because, isVariant);

    /// <summary>Asks whether the DEQ is clearly better: what training finds says something of the paper's claims, which are of what networks can do, but decides none.</summary>
    public void Ask(Report report, string question) => report.Claim(question, Verdict == "DEQ wins" ? "yes" : "no", Because);
}
