namespace Deq.MLNet.Samples.Lab;

/// <summary>Panels of what trainings gave.</summary>
internal static class SeriesPanels
{
    /// <summary>FNNs by their depth, of several of one depth that of the least error over validation points; each DEQ as a level line.</summary>
    public static CurvePanel ByDepth(string title, IEnumerable<Series> series, params IEnumerable<Curve> levels)
    {
        var all = series.ToList();
        return ByDepth(title, "mean squared error", outcome => outcome.Error, all, [.. levels, .. Exact(all, [1, 8])]);
    }

    /// <summary>The same of another value than the error.</summary>
    public static CurvePanel ByDepth(string title, string yLabel, Func<Outcome, double> value, IEnumerable<Series> series, params IEnumerable<Curve> levels)
    {
        var fnns = series.Where(s => !s.IsDeq).GroupBy(s => s.Depth).OrderBy(depth => depth.Key).ToDictionary(depth => (double)depth.Key, depth => depth.MinBy(s => s.Validation)!);
        double[] span = [1, Math.Max(8, fnns.Keys.Max())];
        return new CurvePanel(title, "depth of the FNN", yLabel,
        [
            Line("FNN", [.. fnns.Keys], [.. fnns.Values], value),
            .. series.Where(s => s.IsDeq).Select(s => Line(s.Model, span, [s, s], value) with { Dashed = true }),
            .. levels.Select(level => level.IsLevel ? level with { X = span } : level),
        ]);
    }

    /// <summary>Networks of one kind by their width: FNNs of one depth, triangular DEQs.</summary>
    public static CurvePanel ByWidth(string title, IEnumerable<Series> series, params IEnumerable<Curve> levels)
    {
        var kinds = series.GroupBy(s => s.Size switch
        {
            FnnSize fnn => $"FNN, {fnn.Layers.Length} layers",
            DeqSize { IsTriangular: true } => "DEQ, triangular",
            _ => "",
        }).Where(kind => kind.Key.Length > 0 && kind.Count() > 1);
        return new CurvePanel(title, "width", "mean squared error",
            [.. kinds.Select(kind => (kind.Key, Sizes: kind.OrderBy(Width).ToList())).Select(kind => Line(kind.Key, [.. kind.Sizes.Select(Width)], kind.Sizes, outcome => outcome.Error)), .. levels]);

        static double Width(Series s) => s.Size.LastUnits;
    }

    /// <summary>The best DEQ and the best FNN by how hard the target is.</summary>
    public static CurvePanel Best(string title, string xLabel, IEnumerable<Series> series, Func<Target, double> hardness, params IEnumerable<Curve> levels)
    {
        var contests = series.GroupBy(s => s.Target).OrderBy(group => hardness(group.Key)).Select(Contest.Of).ToList();
        double[] x = [.. contests.Select(contest => hardness(contest.Deq.Target))];
        return new CurvePanel(title, xLabel, "mean squared error",
            [Line("best FNN", x, [.. contests.Select(c => c.Fnn)], outcome => outcome.Error), Line("best DEQ", x, [.. contests.Select(c => c.Deq)], outcome => outcome.Error), .. levels, .. Exact([.. contests.SelectMany(c => (Series[])[c.Deq, c.Fnn])], x)]);
    }

    /// <summary>The training losses of the best DEQ and the best FNN.</summary>
    public static CurvePanel Losses(string title, string xLabel, IEnumerable<Series> series)
    {
        var contest = Contest.Of(series);
        return new CurvePanel(title, xLabel, "training loss", [Of("best FNN", contest.Fnn), Of("best DEQ", contest.Deq)]);

        static Curve Of(string name, Series s)
        {
            // A training that came to rest has fewer epochs and stays where it is; one that diverged has none.
            var steps = Math.Max(1, s.Outcomes.Max(o => o.Fitted.History.Epochs.Count));
            var losses = s.Outcomes.Select(o => o.Fitted.History.Epochs).Select(epochs => Enumerable.Range(0, steps).Select(i => epochs.Count > 0 ? epochs[Math.Min(i, epochs.Count - 1)].TrainingLoss : double.PositiveInfinity).ToArray()).ToList();
            return Curve.OverSeeds(name, [.. Enumerable.Range(1, steps).Select(step => (double)step)], losses);
        }
    }

    /// <summary>What the median seed of the best DEQ and of the best FNN has learnt.</summary>
    /// <param name="title">Above it.</param>
    /// <param name="series">The networks that compete.</param>
    /// <param name="low">The least x.</param>
    /// <param name="high">The largest x.</param>
    /// <param name="unit">What x is told in.</param>
    /// <param name="xLabel">That in words.</param>
    public static FunctionPanel Learnt(string title, IEnumerable<Series> series, double low, double high, double unit = 1, string xLabel = "x")
    {
        const int points = 641;
        var contest = Contest.Of(series);
        float[] x = [.. Enumerable.Range(0, points).Select(i => (float)(low + (high - low) * i / (points - 1)))];
        return new FunctionPanel(title, [.. x.Select(value => value / unit)], [.. x.Select(value => contest.Deq.Target.At(value))], [("best FNN", Of(contest.Fnn)), ("best DEQ", Of(contest.Deq))], xLabel);

        double[] Of(Series s) => [.. s.MedianSeed.Fitted.Scores([.. x.Select(value => new[] { value })]).Select(value => (double)value)];
    }

    /// <summary>Where there are errors so small that they count as alike, the line below which they do.</summary>
    private static IEnumerable<Curve> Exact(IEnumerable<Series> series, double[] span) => series.Any(s => s.Median < Comparison.Exact) ? [Curve.Level("exact below", span, Comparison.Exact)] : [];

    private static Curve Line(string name, double[] x, IReadOnlyList<Series> series, Func<Outcome, double> value)
    {
        double[] At(double share) => [.. series.Select(s => Statistics.Quantile(s.Outcomes.Select(value), share))];
        return new Curve(name, x, At(0.5), At(0.25), At(0.75));
    }
}
