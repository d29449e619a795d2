namespace Deq.MLNet.Samples.Lab;

/// <summary>What trainings came to: as a table of medians over seeds, and seed by seed as CSV.</summary>
internal static class SeriesTable
{
    private static readonly (string Name, Func<Series, object?> Value)[] Columns =
    [
        ("regime", s => s.Regime),
        ("target", s => s.Target.Name),
        ("model", s => s.Model),
        ("weights", s => s.Size.Parameters(s.Target.Inputs)),
        ("FLOPs forward", s => s.Size.Forward(s.Target.Inputs)),
        ("GFLOPs of training", s => s.GigaFlops),
        ("learning rate", s => s.LearningRate),
        ("validation error", s => s.Validation),
        ("median error", s => s.Median),
        ("least", s => Statistics.Quantile(s.Errors, 0)),
        ("largest", s => Statistics.Quantile(s.Errors, 1)),
        ("seconds", s => s.Outcomes.Average(outcome => outcome.Seconds)),
        ("seeds", s => Seeds.Told(s.Outcomes[0].Seed, s.Outcomes.Count)),
    ];

    private static readonly (string Name, Func<Outcome, object?> Value)[] OfASeed =
    [
        ("seed", o => o.Seed),
        ("GFLOPs of training", o => o.Flops / 1e9),
        ("seconds", o => o.Seconds),
        ("training loss", o => o.TrainingLoss),
        ("validation error", o => o.Validation),
        ("test error", o => o.Error),
        ("largest test error", o => o.LargestError),
        ("largest weight", o => Weights.Largest(o.Fitted.Network)),
    ];

    /// <summary>Adds both to a report.</summary>
    /// <param name="report">The report.</param>
    /// <param name="name">The name of the table's file; the other's ends in "-seeds".</param>
    /// <param name="caption">Above the table.</param>
    /// <param name="all">A row each.</param>
    /// <param name="more">Further columns of the table.</param>
    public static void Add(Report report, string name, string caption, IReadOnlyList<Series> all, params IEnumerable<(string Name, Func<Series, object?> Value)> more)
    {
        (string Name, Func<Series, object?> Value)[] columns = [.. Columns, .. more], first = Columns[..3];
        report.Table(name, caption, [.. columns.Select(c => c.Name)], all.Select(s => columns.Select(c => c.Value(s)).ToArray()));
        report.SeedBySeed(name, [.. first.Select(c => c.Name), .. OfASeed.Select(c => c.Name)], all.SelectMany(s => s.Outcomes.Select(o => (object?[])[.. first.Select(c => c.Value(s)), .. OfASeed.Select(c => c.Value(o))])));
    }
}
