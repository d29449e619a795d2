using ScottPlot;

namespace Deq.MLNet.Samples.Lab;

/// <summary>Sawtooths of 2^1 to 2^15 linear pieces, learnt by DEQs and FNNs of several widths and depths.</summary>
internal sealed class SawtoothExperiment : IExperiment
{
    private const int FirstSeed = 100;

    private static readonly int[] Depths = [1, 2, 3, 4, 5, 8];

    /// <summary>A bounded FNN of which a seed needs more FLOPs is out of the contest.</summary>
    private const double MostFlops = 1e12;

    public string Name => "sawtooth";

    public string Title => "Sawtooths: a deep equilibrium network of few states and feed-forward networks";

    public void Run(LabSettings settings, Report report)
    {
        var seeds = settings.SeedsOr(full: 5, quick: 2);
        int[] doublings = settings.Quick ? [1, 5, 10] : [1, 3, 5, 10, 15];
        var plain = new GradientRecipe("plain", settings.Quick ? 20 : 400, RowCount: 4096);
        var growth = new GrowthRecipe(settings.Quick ? 1024 : 4096, settings.Quick ? 8 : 16);
        var series = Series.Together(doublings.SelectMany(k => Trainings(k, plain, growth, seeds)));
        var leftOut = doublings.SelectMany(k => Bounded(k).Where(plan => IsTooDear(plan, growth)).Select(plan => $"{plan.Name} at 2^{k}")).ToList();

        report.Text($"The target is the tent map applied k times, 2^k linear pieces on [0, 1]: our reading of the paper's sawtooth functions. The error is the mean squared error over 16,384 test points; the best constant, 1/2, has 1/12. {Remarks.Seeds(FirstSeed, seeds)} {plain.RowCount} training rows are fewer than 2^15 pieces, most of which hold none: there only what was learnt of coarser sawtooths can tell how it goes on between rows.");
        report.Text($"- **plain**: {plain.Effort}. The FNNs and two of the DEQs have the FLOPs a row of a dense DEQ of 10 states and {Flops.Iterations} iterations; smaller DEQs and, at 2^5 and 2^10, smaller FNNs show what width does.{(settings.Quick ? "" : " What more steps do is told in the experiment `beyond`, which gives networks of these sizes three times as many.")}\n"
            + $"- **equal effort**: {growth.Effort}. The DEQ grows by 2 states a doubling, the FNN by a layer of 4. Each grows anew, the DEQ as long as it spends at most, the FNN until it has spent at least the FLOPs of one growth of the dearer; the best by training loss counts. Both see all smaller sawtooths on the way, which tells them the family; at 2^5 also without, each stage at the last target.\n"
            + $"- **restricted**: the same growth, and the FNN may have so many layers and no more: they are wider, and take several doublings each, the first layers or the last. Those of which a seed would cost more than {MostFlops / 1e9:F0} GFLOPs are left out{(leftOut.Count > 0 ? $": {string.Join(", ", leftOut)}" : "; here none")}.");
        report.Text($"Training took, mean over seeds: {string.Join("; ", doublings.SelectMany(k => Regime.Names.Select(regime => $"2^{k}, {Remarks.Spent(regime, series.Where(s => s.Target == new Sawtooth(k)))}")))}. {Remarks.Iterations(series)}");
        report.Text(Remarks.Depth);
        SeriesTable.Add(report, "runs", "All trainings", series);
        DrawDepths(report, series, doublings);
        DrawWidths(report, series);
        DrawRegions(report, series);
        DrawLosses(report, series);
        DrawFunctions(report, series, doublings);
        Judge(report, series);
    }

    /// <summary>What is trained at 2^k pieces. What has the same options in two regimes is trained once and told in both.</summary>
    private static IEnumerable<Func<IEnumerable<Series>>> Trainings(int k, GradientRecipe plain, GrowthRecipe growth, int seeds)
    {
        var target = new Sawtooth(k);
        foreach (var size in (Size[])[DeqSize.Triangular(10), DeqSize.Triangular(20), .. DeqSize.Matched, .. FnnSize.Matched, .. k is 5 or 10 ? FnnSize.Narrower : []])
            yield return () => [plain.Run(size, target, FirstSeed, seeds)];

        var (deq, fnn) = (Growth.Deq(k, units: 2), Growth.Fnn(k, depth: k));
        var flops = OnceGrown(k, growth);
        yield return () => Grow(deq, "equal effort", "restricted");
        yield return () => Grow(fnn, "equal effort");
        if (k == 5)
        {
            yield return () => Grow(deq.WithoutCurriculum(), "equal effort, no curriculum");
            yield return () => Grow(fnn.WithoutCurriculum(), "equal effort, no curriculum");
        }
        foreach (var plan in Bounded(k).Where(plan => !IsTooDear(plan, growth)))
            yield return () => Grow(plan, "restricted");

        IEnumerable<Series> Grow(Growth plan, params string[] regimes)
        {
            var grown = Series.Train(regimes[0], plan.Name, target, FirstSeed, seeds, seed => growth.Train(plan, seed, flops));
            return regimes.Select(regime => grown with { Regime = regime });
        }
    }

    /// <summary>Growths of FNNs that have fewer layers than the sawtooth has doublings.</summary>
    private static IEnumerable<Growth> Bounded(int k) => Depths.Where(depth => depth < k).DefaultIfEmpty(1).SelectMany(depth => Growth.FnnInBothOrders(k, depth));

    private static bool IsTooDear(Growth plan, GrowthRecipe growth) => growth.FlopsOf(plan) > MostFlops;

    /// <summary>FLOPs of one growth of the DEQ or the FNN of equal effort, whichever is dearer.</summary>
    private static double OnceGrown(int k, GrowthRecipe growth) => Math.Max(growth.FlopsOf(Growth.Deq(k, units: 2)), growth.FlopsOf(Growth.Fnn(k, depth: k)));

    private static Curve Constant(double low, double high) => Curve.Level("1/2 everywhere", [low, high], Sawtooth.ConstantError);

    private static void DrawWidths(Report report, List<Series> series)
    {
        var panels = ((int[])[5, 10]).Select(k => SeriesPanels.ByWidth($"2^{k} pieces, plain", series.Where(s => s.Regime == "plain" && s.Target == new Sawtooth(k)), Constant(6, 64))).ToList();
        CurvePicture.Draw(panels, report.PictureFile("widths", "Test error by width: units in a layer of the FNN, states of a triangular DEQ; median and quartiles over seeds, plain regime. In the others the widths follow from the growth."), legend: Alignment.LowerLeft);
    }

    private static void DrawDepths(Report report, List<Series> series, int[] doublings)
    {
        var panels = doublings.Where(k => k is 5 or 10 or 15).SelectMany(k => Regime.Names.Select(regime =>
            SeriesPanels.ByDepth($"2^{k} pieces, {regime}", series.Where(s => s.Regime == regime && s.Target == new Sawtooth(k)), Constant(1, Math.Max(8, k))))).ToList();
        CurvePicture.Draw(panels, report.PictureFile("depths", "Test error by the depth of the FNN, median and quartiles over seeds; a DEQ is a dashed level line. In equal effort the growth sets the depth. Depths without a point were not run, or are among those left out for their cost. Compare the paper's Figure 1a and 1d."), columns: Regime.Names.Length, legend: Alignment.LowerLeft);
    }

    private static void DrawRegions(Report report, List<Series> series)
    {
        var panels = Regime.Names.Select(regime => SeriesPanels.Best(regime, "k of 2^k pieces", series.Where(s => s.Regime == regime), target => ((Sawtooth)target).Doublings, Constant(1, series.Max(s => ((Sawtooth)s.Target).Doublings)))).ToList();
        CurvePicture.Draw(panels, report.PictureFile("regions", "Test error of the best DEQ and the best FNN of each regime, median and quartiles over seeds."), legend: Alignment.LowerRight);
    }

    private static void DrawLosses(Report report, List<Series> series)
    {
        var panels = Regime.Names.Select(regime => SeriesPanels.Losses($"2^5 pieces, {regime}", regime == "plain" ? "epoch" : "step of the last stage", series.Where(s => s.Regime == regime && s.Target == new Sawtooth(5)))).ToList();
        CurvePicture.Draw(panels, report.PictureFile("losses", "Training loss of the best DEQ and the best FNN at 2^5 pieces, median and quartiles over seeds."), legend: Alignment.LowerLeft);
    }

    private static void DrawFunctions(Report report, List<Series> series, int[] doublings)
    {
        // Of fine sawtooths the first 32 pieces.
        var panels = doublings.SelectMany(k => Regime.Names.Select(regime => SeriesPanels.Learnt($"2^{k} pieces, {regime}", series.Where(s => s.Regime == regime && s.Target == new Sawtooth(k)), 0, Math.Min(1, Math.ScaleB(32, -k))))).ToList();
        FunctionPicture.Draw(panels, Regime.Names.Length, report.PictureFile("functions", "What the median seed of the best DEQ and the best FNN has learnt; of more than 32 pieces the first 32. Compare the paper's Figure 3."));
    }

    private static void Judge(Report report, List<Series> series)
    {
        report.Text(Contest.HowItIsJudged);
        foreach (var group in series.GroupBy(s => (s.Target, s.Regime)))
            Contest.Of(group).Tell(report, $"Figure 1a, 1d, 3: sawtooth, {group.Key.Target.Name} pieces{(group.Key.Regime == "restricted" ? "; the depth of the FNN alone is bounded, a triangular DEQ is as deep as it has states" : "")}");
        report.Figure("sawtooth5_deq_grown_mse", Of("equal effort", 5).Deq.Median);
        report.Figure("sawtooth5_fnn_grown_mse", Of("equal effort", 5).Fnn.Median);
        report.Figure("sawtooth5_deq_plain_mse", Of("plain", 5).Deq.Median);
        report.Figure("sawtooth5_fnn_plain_mse", Of("plain", 5).Fnn.Median);
        // Whatever trains an FNN of at most 8 layers best.
        var bounded = series.Where(s => s.Target == new Sawtooth(10) && (s.Regime == "restricted" || s.Regime == "plain" && !s.IsDeq));
        report.Figure("sawtooth10_bounded_depth_ratio", Contest.Of(bounded).Ratio);
        report.Text(FormattableString.Invariant($"At 2^10 pieces an FNN of at most 8 layers was expected to be far behind. The best is {Contest.Of(bounded).Fnn.Model}, with {Contest.Of(bounded).Ratio:G3} times the DEQ's error: what it lacks in layers it has in width, and it grows as the DEQ does."));

        Of("plain", 5).Ask(report, "Conjecture: DEQs are better at some high-frequency components. Asked here: at 2^5 pieces, trained plainly?");
        Of("equal effort", 10).Ask(report, "An FNN needs depth that grows with the width of a DEQ. Asked here: does training find more with a DEQ at 2^10 pieces, where the FNN may have 10 layers?");
        Contest.Of(bounded).Ask(report, "And where it may have 8, however it is trained? (A triangular DEQ is as deep as it has states, with one unit in each layer.)");

        Contest Of(string regime, int k) => Contest.Of(series.Where(s => s.Regime == regime && s.Target == new Sawtooth(k)));
    }
}
