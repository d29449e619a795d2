using System.Globalization;
using ScottPlot;

namespace Deq.MLNet.Samples.Lab;

/// <summary>A DEQ of ten states and FNNs of the same cost a row, on the sawtooth of 2^5 pieces.</summary>
internal sealed class FlopsExperiment : IExperiment
{
    // Other seeds than those of the sawtooth experiment, which has runs of the same target.
    private const int FirstSeed = 500, Doublings = 5;

    public string Name => "flops";

    public string Title => "Equal FLOPs: a deep equilibrium network of ten states and feed-forward networks on 2^5 pieces";

    public void Run(LabSettings settings, Report report)
    {
        var seeds = settings.SeedsOr(full: 10, quick: 2);
        var plain = new GradientRecipe("plain", settings.Quick ? 20 : 400, RowCount: 4096);
        var growth = new GrowthRecipe(settings.Quick ? 1024 : 4096, settings.Quick ? 8 : 16);
        var target = new Sawtooth(Doublings);

        var series = Seeds.Together([DeqSize.Triangular(10), .. DeqSize.Matched, .. FnnSize.Matched], (Size size) => plain.Run(size, target, FirstSeed, seeds)).ToList();
        var deq = Growth.Deq(Doublings, units: 2);
        var flops = Math.Max(growth.FlopsOf(deq), growth.FlopsOf(Growth.Fnn(Doublings, Doublings)));
        (string Regime, Growth Plan)[] grown =
        [
            ("equal effort", deq), ("equal effort", Growth.Fnn(Doublings, Doublings)),
            .. Enumerable.Range(1, 3).SelectMany(depth => Growth.FnnInBothOrders(Doublings, depth)).Select(plan => ("restricted", plan)),
        ];
        series.AddRange(Seeds.Together(grown, run => Series.Train(run.Regime, run.Plan.Name, target, FirstSeed, seeds, seed => growth.Train(run.Plan, seed, flops))));
        series.AddRange(series.Where(s => s.IsDeq && s.Regime == "equal effort").Select(s => s with { Regime = "restricted" }).ToList());

        report.Text($"What the paper's Table 1 compares, with settings of our own: a row costs a dense DEQ of 10 states and {Flops.Iterations} iterations {Flops.Cell(10):F0} FLOPs, and the FNNs of the plain regime as many within 3 percent. A strictly triangular cell is solved by one substitution and costs {Flops.TriangularCell(10):F0} with 10 states and {Flops.TriangularCell(64):F0} with 64. {Remarks.Seeds(FirstSeed, seeds)} The experiment `sawtooth` has the same contests, of other seeds, and of fewer.");
        report.Text($"- **plain**: {plain.Effort}.{(settings.Quick ? "" : " What more steps do is told in the experiment `beyond`, which gives networks of these sizes three times as many.")}\n- **equal effort**: {growth.Effort}. Growth begins anew, for the DEQ as long as it spends at most, for the FNN until it has spent at least {(flops / 1e9).ToString("G3", CultureInfo.InvariantCulture)} GFLOPs, those of one growth of the dearer.\n- **restricted**: the same, the FNN with at most 3 layers, the wide ones first or last.");
        report.Text($"Training took, mean over seeds: {string.Join("; ", Regime.Names.Select(regime => Remarks.Spent(regime, series)))}. {Remarks.Iterations(series)}");
        report.Text(Remarks.Depth);
        SeriesTable.Add(report, "runs", "FLOPs, weights and error", series, ("mean error", s => Statistics.Mean(s.Errors)), ("deviation", s => Statistics.StandardDeviation(s.Errors)));

        CurvePicture.Draw([.. Regime.Names.Select(regime => SeriesPanels.Losses(regime, regime == "plain" ? "epoch" : "step of the last stage", series.Where(s => s.Regime == regime)))],
            report.PictureFile("losses", "Training loss, median and quartiles over seeds."), legend: Alignment.LowerLeft);
        report.Text(Contest.HowItIsJudged);
        foreach (var regime in Regime.Names)
            Contest.Of(series.Where(s => s.Regime == regime)).Tell(report, $"Table 1: equal FLOPs, 2^{Doublings} pieces{(regime == "restricted" ? "; the depth of the FNN alone is bounded" : "")}");
        Contest.Of(series.Where(s => s.Regime == "plain" && (!s.IsDeq || s.Size.LastUnits == 10))).Tell(report, $"Table 1: equal FLOPs, 2^{Doublings} pieces; the DEQs of 10 states alone", isVariant: true);
    }
}
