using ScottPlot;

namespace Deq.MLNet.Samples.Lab;

/// <summary>A ramp that rises within 2^-6 to 2^-20, learnt with weights of any size and with bounded ones.</summary>
internal sealed class SteepExperiment : IExperiment
{
    private const int FirstSeed = 100;

    private const float WeightBound = 2;

    /// <summary>The layers that an FNN of the restricted regime may have to compete.</summary>
    private const int MostLayers = 8;

    /// <summary>What grows with weights of any size.</summary>
    private static readonly Size[] FreeSizes = [DeqSize.Triangular(4), DeqSize.Triangular(10), FnnSize.Of(10, 1), FnnSize.Of(10, 2), FnnSize.Of(5, 3), FnnSize.Of(5, 8)];

    /// <summary>FNNs that grow with bounded weights: those of few layers cannot be steep, and the gradient method has them.</summary>
    private static readonly Size[] BoundedSizes = [FnnSize.Of(10, 3), FnnSize.Of(8, 5), FnnSize.Of(6, 8), FnnSize.Of(5, 12), FnnSize.Of(5, 16)];

    /// <summary>FNNs deeper than those that compete, that cost what the others do where all learn by Adam.</summary>
    private static readonly Size[] DeepSizes = [FnnSize.Of(14, 12), FnnSize.Of(12, 16)];

    private static DeqSize Timescales(Ramp ramp) => DeqSize.Timescales(10, ramp.Delta);

    public string Name => "steep";

    public string Title => "Steep functions, learnt with weights of any size and with bounded ones";

    public void Run(LabSettings settings, Report report)
    {
        var seeds = settings.SeedsOr(full: 5, quick: 2);
        int[] halvings = settings.Quick ? [10] : [6, 10, 14, 20];
        var plain = new GradientRecipe("plain", settings.Quick ? 60 : 500, RowCount: 2048);
        var growth = new GrowthRecipe(settings.Quick ? 128 : 512, settings.Quick ? 4 : 8);
        var bounded = new GradientRecipe("restricted", settings.Quick ? 80 : 550, RowCount: 2048)
        {
            FixedRate = settings.Quick ? 1e-2f : null,
            Starts = settings.Quick ? new Starts(4, 10) : new Starts(8, 50, 2, 500),
            MaxWeightNorm = WeightBound,
        };
        Ramp[] ramps = [.. halvings.Select(d => new Ramp(d))];
        IEnumerable<Series> Straight(GradientRecipe recipe, Func<Ramp, IEnumerable<Size>> sizes) => Seeds.Together([.. ramps.SelectMany(ramp => sizes(ramp).Select(size => (ramp, size)))], run => recipe.Run(run.size, run.ramp, FirstSeed, seeds));
        IEnumerable<Series> Grown(string regime, GrowthRecipe recipe, params IReadOnlyList<Growth> plans)
        {
            var flops = plans.Where(plan => Competes(regime, plan.Stages[^1].Size)).Max(recipe.FlopsOf);
            return Series.Together(plans.Select<Growth, Func<IEnumerable<Series>>>(plan => () => recipe.Run(regime, plan, ramps, FirstSeed, seeds, flops)));
        }
        IEnumerable<Series> all =
        [
            .. Straight(plain, ramp => [DeqSize.Triangular(10), .. DeqSize.Matched, .. FnnSize.Matched, .. IsShown(ramp) ? (Size[])[DeqSize.Triangular(20), .. FnnSize.Narrower] : []]),
            .. Grown("equal effort", growth, [.. FreeSizes.Select(size => Growth.Steeper(size, halvings[^1]))]),
            .. Straight(bounded, ramp => [Timescales(ramp), .. FnnSize.Matched, .. DeepSizes]).Select(s => s with { Model = $"{s.Model}, Adam" }),
            .. Grown("restricted", growth with { MaxWeightNorm = WeightBound }, [Growth.Steeper(Timescales, halvings[^1]), .. BoundedSizes.Select(size => Growth.Steeper(size, halvings[^1]))]).Select(s => s with { Model = $"{s.Model}, grown" }),
        ];
        var series = all.OrderBy(s => ((Ramp)s.Target).Halvings).ToList();

        report.Text($"The target is 0 below 0, 1 above delta and straight between, on [-1, 1]: a stand-in for the paper's steep function, whose formula was not at hand. Half of the rows lie within 8 delta of 0, and the error is the mean squared error over test points there; the best constant has about 1/4. {Remarks.Seeds(FirstSeed, seeds)}");
        report.Text($"- **plain**: {plain.Effort}. Narrower FNNs and smaller DEQs show what width does.\n"
            + $"- **equal effort**: weights of any size; {growth.Effort}; stages of delta = 2^-2, 2^-4, ... for all, of which one growth to the last gives the network of every delta; anew, a DEQ as long as it spends at most, an FNN until it has spent at least the FLOPs of one growth of the dearest, of which the best of each stage by training loss counts.\n"
            + $"- **restricted**: no row of weights of an FNN, and none of U and V of a DEQ, has a larger sum of magnitudes than {WeightBound}; W of the DEQ stays below 1 - delta / 2. There are two recipes, and the better counts for either kind; a network's name says which it was. One goes straight at the target: {bounded.Effort}. The other grows as in equal effort, but within the bounds, with the FLOPs of one growth of the dearest that competes. FNNs of up to {MostLayers} layers compete; a second verdict counts deeper ones too, which grow once.");
        report.Text($"The restricted regime is decided by its bounds before anything is trained: an FNN of L layers with row sums of {WeightBound} has a slope of at most {WeightBound}^(L + 1), and where that is below 1 / delta, an error of at least the floor in the table, dashed in the picture. A DEQ can have the slope within its bounds, and is told more: "
            + "the bound of its W and the range of rates that it starts from are made of delta. What is tested is whether training finds what the bounds allow. " + Remarks.Depth);
        report.Text($"Training took, mean over seeds: {string.Join("; ", Regime.Names.Select(regime => Remarks.Spent(regime, series)))}. {Remarks.Iterations(series)}");
        SeriesTable.Add(report, "runs", "All trainings", series,
        [
            ("median error of every 16th point in float64", s => s.IsDeq && s.Regime == "restricted" ? Statistics.Median(s.Outcomes.Select(o => Error64(o) ?? double.NaN)) : null),
            ("largest error near 0", s => Statistics.Median(s.Outcomes.Select(o => o.LargestError))), ("largest weight", s => Statistics.Median(s.Outcomes.Select(o => Weights.Largest(o.Fitted.Network)))),
            ("largest slope allowed", s => IsBounded(s) ? SlopeOf(s.Depth) : null), ("floor of the error", s => IsBounded(s) ? ((Ramp)s.Target).LeastError(SlopeOf(s.Depth)) : null),
        ]);
        DrawDepths(report, series, ramps);
        DrawWidths(report, series, ramps);
        DrawSteepness(report, series);
        DrawFunctions(report, series, halvings);
        Judge(report, series);
    }

    private static void DrawDepths(Report report, List<Series> series, Ramp[] ramps)
    {
        var shown = ramps.Where(IsShown).SelectMany(ramp => Regime.Names.Select(regime => (Title: $"delta = {ramp.Name}, {regime}", Regime: regime, Target: ramp, Series: series.Where(s => s.Regime == regime && s.Target == ramp).ToList()))).ToList();
        CurvePicture.Draw([.. shown.Select(panel => SeriesPanels.ByDepth(panel.Title, panel.Series, panel.Regime == "restricted" ? [Floor(panel.Target)] : []))],
            report.PictureFile("depths", "Test error near 0 by the depth of the FNN, median and quartiles over seeds; a DEQ is a dashed level line. Restricted: below the floor no FNN of the bounds can be. Compare the paper's Figure 1b and 1e."), columns: Regime.Names.Length, legend: Alignment.LowerLeft);
        CurvePicture.Draw([.. shown.Select(panel => SeriesPanels.ByDepth(panel.Title, "largest error near 0", outcome => outcome.LargestError, panel.Series))],
            report.PictureFile("largest", "Largest error near 0 by the depth of the FNN, median and quartiles over seeds; a DEQ is a dashed level line."), columns: Regime.Names.Length, legend: Alignment.LowerLeft);
    }

    private static void DrawWidths(Report report, List<Series> series, Ramp[] ramps)
    {
        var panels = ramps.Where(IsShown).Select(ramp => SeriesPanels.ByWidth($"delta = {ramp.Name}, plain", series.Where(s => s.Regime == "plain" && s.Target == ramp), Curve.Level("best constant", [6, 64], ramp.Variance))).ToList();
        CurvePicture.Draw(panels, report.PictureFile("widths", "Test error near 0 by width: units in a layer of the FNN, states of a triangular DEQ; median and quartiles over seeds, plain regime."), legend: Alignment.LowerLeft);
    }

    /// <summary>Whether depths and widths are drawn of it: the paper's two.</summary>
    private static bool IsShown(Ramp ramp) => ramp.Halvings is 10 or 20;

    private static void DrawSteepness(Report report, List<Series> series)
    {
        var panels = Regime.Names.Select(regime => SeriesPanels.Best(regime, "d of delta = 2^-d", series.Where(s => s.Regime == regime && Competes(s)), target => ((Ramp)target).Halvings)).ToList();
        CurvePicture.Draw(panels, report.PictureFile("steepness", "Test error near 0 of the best DEQ and the best FNN (restricted: of up to 8 layers), median and quartiles over seeds."), legend: Alignment.LowerRight);
    }

    private static void DrawFunctions(Report report, List<Series> series, int[] halvings)
    {
        var panels = halvings.SelectMany(d => Regime.Names.Select(regime => SeriesPanels.Learnt($"delta = 2^-{d}, {regime}", series.Where(s => s.Regime == regime && s.Target == new Ramp(d) && Competes(s)), -2 * new Ramp(d).Delta, 4 * new Ramp(d).Delta, new Ramp(d).Delta, "x / delta"))).ToList();
        FunctionPicture.Draw(panels, Regime.Names.Length, report.PictureFile("functions", "What the median seed of the best DEQ and the best FNN has learnt around 0."));
    }

    private static void Judge(Report report, List<Series> series)
    {
        report.Text(Contest.HowItIsJudged);
        foreach (var group in series.Where(Competes).GroupBy(s => (s.Target, s.Regime)))
            Contest.Of(group).Tell(report, $"Figure 1b, 1e: ramp of delta {group.Key.Target.Name}{(group.Key.Regime == "restricted" ? $"; FNNs have up to {MostLayers} layers, and so slopes up to {SlopeOf(MostLayers)} of 1 / delta = {1 / ((Ramp)group.Key.Target).Delta}" : "")}");
        foreach (var group in series.Where(s => s.Regime == "restricted").GroupBy(s => s.Target))
            Contest.Of(group).Tell(report, $"Figure 1b, 1e: ramp of delta {group.Key.Name}; FNNs of 12 and 16 layers compete too", isVariant: true);
        foreach (var group in series.Where(s => s.Regime == "restricted" && Competes(s)).GroupBy(s => s.Target))
            Contest.Of(group).Ask(report, $"A DEQ with bounded weights approximates steep functions, an FNN of bounded depth does not. Asked here: does training find more with a DEQ at delta {group.Key.Name}, where the FNN may have {MostLayers} layers{Floored((Ramp)group.Key)}, and the DEQ is told delta?");
        report.Figure("capped_ramp_ratio", Of("restricted").Ratio);
        report.Figure("ramp10_free_ratio", Of("equal effort").Ratio);

        static string Floored(Ramp ramp) => ramp.LeastError(SlopeOf(MostLayers)) is > 0 and var least ? FormattableString.Invariant($", no slope above {SlopeOf(MostLayers)} and so an error of at least {least:G2}") : "";

        Contest Of(string regime) => Contest.Of(series.Where(s => s.Regime == regime && s.Target == new Ramp(10) && Competes(s)));
    }

    private static bool IsBounded(Series s) => !s.IsDeq && s.Regime == "restricted";

    /// <summary>The largest slope of an FNN whose weights are bounded: each layer and the read-out multiply by the bound at most.</summary>
    private static double SlopeOf(int depth) => Math.Pow(WeightBound, depth + 1);

    /// <summary>The error without the rounding of float32, which a slow state multiplies by 1 / delta; summed in the order of the points, whoever evaluates them.</summary>
    private static double? Error64(Outcome outcome) => outcome.Fitted.Network is DeqNetwork network ? outcome.Target.Test().Where((_, i) => i % 16 == 0).AsParallel().AsOrdered().Select(x => Math.Pow(network.EvaluateFloat64(x)[0] - outcome.Target.At(x), 2)).ToArray().Average() : null;

    /// <summary>The floor by depth, as far as there is one.</summary>
    private static Curve Floor(Ramp target)
    {
        double[] depths = [.. Enumerable.Range(1, 16).Select(depth => (double)depth).Where(depth => SlopeOf((int)depth) * target.Delta < 1)];
        return new Curve("floor of the FNN", depths, [.. depths.Select(depth => target.LeastError(SlopeOf((int)depth)))], Dashed: true);
    }

    /// <summary>With bounded weights a DEQ is compared with FNNs of bounded depth.</summary>
    private static bool Competes(string regime, Size size) => regime != "restricted" || size is not FnnSize { Layers.Length: > MostLayers };

    private static bool Competes(Series s) => Competes(s.Regime, s.Size);
}
