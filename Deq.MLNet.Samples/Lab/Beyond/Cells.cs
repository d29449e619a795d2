using ScottPlot;

namespace Deq.MLNet.Samples.Lab;

/// <summary>Whether a monotone W, whose norm nothing bounds, learns more than one of bounded norm.</summary>
internal static class Cells
{
    private const float Margin = 0.1f;

    public static void Run(Report report, bool quick, int seeds)
    {
        int[] doublings = quick ? [3] : [3, 5];
        var plain = new GradientRecipe("plain", quick ? 6 : 300, RowCount: quick ? 1024 : 2048) { FixedRate = quick ? 1e-2f : null };
        Size[] sizes = [DeqSize.Monotone(7, Margin), new DeqSize(10, WellPosedness.Spectral(), "DEQ spectral"), DeqSize.Triangular(64), FnnSize.Of(32, 3), .. quick ? [] : (Size[])[FnnSize.Of(23, 5), FnnSize.Of(17, 8)]];
        var series = Seeds.Together([.. doublings.SelectMany(k => sizes.Select(size => (k, size)))], run => plain.Run(run.size, new Sawtooth(run.k), BeyondExperiment.FirstSeed, seeds));

        report.Text($"## Monotone cells\nThree cells and FNNs that cost a row as many FLOPs, within 4 percent, a dense cell counted as {Flops.Iterations} iterations: a monotone one of 7 states (margin {Margin}; a step of its splitting has two products), one of 10 whose norm is at most 0.9, a strictly triangular one of 64. The regime is plain: no direct method knows a monotone rule, and so there is no growth. {plain.Effort}.");
        SeriesTable.Add(report, "cells", "Cells", series, ("iterations", s => s.IsDeq ? s.Iterations : null));
        CurvePicture.Draw([.. doublings.Select(k => SeriesPanels.ByDepth($"2^{k} pieces, plain", series.Where(s => s.Target == new Sawtooth(k)), Curve.Level("1/2 everywhere", [1, 8], Sawtooth.ConstantError)))],
            report.PictureFile("cells", "Test error of cells of three rules, dashed level lines, and of FNNs by depth; median and quartiles over seeds."), legend: Alignment.LowerLeft);
        foreach (var k in doublings)
            Contest.Of(series.Where(s => s.Target == new Sawtooth(k))).Tell(report, $"Cells: 2^{k} pieces, DEQs of any rule");
        foreach (var k in doublings)
        {
            var contest = Contest.Of(series.Where(s => s.Target == new Sawtooth(k) && (!s.IsDeq || s.Model.Contains("monotone", StringComparison.Ordinal))));
            contest.Tell(report, $"Cells: 2^{k} pieces, the monotone cell", isVariant: true);
            contest.Ask(report, $"A spectral rule bounds the norm of W, a monotone one does not. Asked here: is a monotone cell ahead of FNNs at 2^{k} pieces?");
        }
    }
}
