using ScottPlot;

namespace Deq.MLNet.Samples.Lab;

/// <summary>Targets of two variables: one that composition makes step by step, and one whose next step is no function of the last.</summary>
internal static class Planes
{
    /// <summary>Networks that cost a row of two inputs what a dense DEQ of 10 states costs, within 4 percent.</summary>
    private static readonly Size[] Matched = [.. DeqSize.Matched, FnnSize.Of(557, 1), FnnSize.Of(45, 2), FnnSize.Of(32, 3), FnnSize.Of(23, 5), FnnSize.Of(17, 8)];

    public static void Run(Report report, bool quick, int seeds)
    {
        // Two variables that double each by itself need twice the units.
        (Func<int, Target> Target, int Doublings, int Units)[] families = quick ? [(k => new Diamonds(k), 2, 2)] : [(k => new Diamonds(k), 4, 2), (k => new Checkerboard(k), 2, 4)];
        var plain = new GradientRecipe("plain", quick ? 8 : 200, RowCount: quick ? 1024 : 4096) { FixedRate = quick ? 1e-2f : null };
        var growth = new GrowthRecipe(quick ? 256 : 2048, quick ? 4 : 16);
        var series = families.SelectMany(family => Train(family.Target, family.Doublings, family.Units, plain, growth, seeds)).ToList();

        report.Text($"## Two variables\nTargets on the unit square: **diamonds**, the tent map applied k times to |x1 - 1/2| + |x2 - 1/2|; **checkerboard**, |T^k(x1) - T^k(x2)| with the tent map T, of which the next is no function of the one before. Rows lie on a jittered grid.\n\n"
            + $"- **plain**: {plain.Effort}; all cost a row of two inputs as many FLOPs, within 4 percent.\n"
            + $"- **equal effort**: {growth.Effort}; from k = 0 on, a stage for each doubling, the DEQ from 4 states on by 2 a stage, the FNN from a layer of 8 on by one of 4, or by two; by twice as many on the checkerboard, where two sawtooths double at a time. New units read the output so far, as in the other experiments (reading y), or the inputs and units before them, an FNN's the last layer, from kinks at the rows (reading units). Each grows anew, the DEQ as long as it spends at most, the FNN until it has spent at least the FLOPs of one growth of the dearer.\n"
            + "- **restricted**: the same, the FNN with at most 3 layers, which are wider where doublings are more than layers, the wide ones first or last.");
        report.Text($"Training took, mean over seeds: {string.Join("; ", Regime.Names.Select(regime => Remarks.Spent(regime, series)))}.");
        SeriesTable.Add(report, "planes", "Two variables", series);
        CurvePicture.Draw([.. series.GroupBy(s => (s.Target, s.Regime)).Select(group => SeriesPanels.ByDepth($"{group.Key.Target.Name}, {group.Key.Regime}", group, Curve.Level("best constant", [1, 8], group.Key.Target.Variance)))],
            report.PictureFile("planes", "Test error of two variables by the depth of the FNN, median and quartiles over seeds; a DEQ is a dashed level line."), columns: Regime.Names.Length, legend: Alignment.LowerLeft);
        HeatMap.Draw([.. series.GroupBy(s => s.Target).SelectMany(target => Maps(target.Key, target))], 5, "y", report.PictureFile("maps", "Targets of two variables and what the median seed of the best DEQ and the best FNN has learnt, cut off below 0 and above 1."));
        foreach (var group in series.GroupBy(s => (s.Target, s.Regime)))
            Contest.Of(group).Tell(report, $"Two variables: {group.Key.Target.Name}{(group.Key.Regime == "restricted" ? "; the depth of the FNN alone is bounded" : "")}");
        foreach (var group in series.Where(s => s.Regime == "equal effort").GroupBy(s => s.Target))
            Contest.Of(group).Ask(report, $"Targets of one variable say little of others. Asked here: does a grown DEQ, which is as deep as it has states, find more than a grown FNN on {group.Key.Name}?");
    }

    private static IEnumerable<Series> Train(Func<int, Target> target, int doublings, int units, GradientRecipe plain, GrowthRecipe growth, int seeds)
    {
        foreach (var series in Seeds.Together(Matched, size => plain.Run(size, target(doublings), BeyondExperiment.FirstSeed, seeds)))
            yield return series;

        Growth deq = Growth.Deq(Enumerable.Range(0, doublings + 1).Select(target), first: 4, units), fnn = Growth.Fnn(target, [8], units, doublings, depth: doublings), deeper = Growth.FnnOfTwoLayers(target, [8], 2 * units, doublings);
        var bounded = Enumerable.Range(1, Math.Min(2, doublings)).SelectMany(depth => Growth.FnnInBothOrders(target, [8], units, doublings, depth)).ToList();
        var flops = Math.Max(growth.FlopsOf(deq), growth.FlopsOf(fnn));
        foreach (var (recipe, how) in ((GrowthRecipe, string)[])[(growth, "reading y"), (growth with { NewUnits = Initialization.Kink() }, "reading units")])
        {
            var grown = Grow("equal effort", deq);
            yield return grown;
            yield return grown with { Regime = "restricted" };
            yield return Grow("equal effort", fnn);
            yield return Grow("equal effort", deeper);
            foreach (var plan in bounded)
                yield return Grow("restricted", plan);

            Series Grow(string regime, Growth plan) => Series.Train(regime, $"{plan.Name} {how}", target(doublings), BeyondExperiment.FirstSeed, seeds, seed => recipe.Train(plan, seed, flops));
        }
    }

    private static IEnumerable<HeatPanel> Maps(Target target, IEnumerable<Series> series)
    {
        const int side = 96;
        float[][] points = [.. Enumerable.Range(0, side * side).Select(i => (float[])[(i % side + 0.5f) / side, (i / side + 0.5f) / side])];
        yield return Map(target.Name, [.. points.Select(point => target.At(point))]);
        foreach (var regime in Regime.Names[..2])
        {
            var contest = Contest.Of(series.Where(s => s.Regime == regime));
            foreach (var best in (Series[])[contest.Deq, contest.Fnn])
                yield return Map($"{best.Model}, {regime}", [.. best.MedianSeed.Fitted.Scores(points).Select(y => (double)y)]);
        }

        static HeatPanel Map(string title, double[] values)
        {
            var map = new double[side, side];
            for (var i = 0; i < values.Length; i++)
                map[i / side, i % side] = Math.Clamp(values[i], 0, 1);
            return new HeatPanel(title, $"x1, in {side}ths", $"x2, in {side}ths", map);
        }
    }
}
