using ScottPlot;

namespace Deq.MLNet.Samples.Lab;

/// <summary>How far growth leads that is not shown simpler functions first.</summary>
internal static class Curricula
{
    private const string With = "equal effort", Without = "equal effort, no curriculum";

    public static void Run(Report report, bool quick, int seeds)
    {
        int[] doublings = quick ? [2, 4] : [2, 3, 4, 5];
        var growth = new GrowthRecipe(quick ? 256 : 2048, quick ? 4 : 16);
        var series = doublings.SelectMany(k => Train(k, growth, seeds)).ToList();

        report.Text($"## Growth without intermediate targets\n{growth.Effort}. The DEQ grows by 2 states a stage and the FNN by a layer of 4, a stage for each doubling; with intermediate targets the stages learn 2^1, 2^2, ... pieces, without them all stages the last. The experiment `sawtooth` has 2^5 pieces without them too, of other seeds and more rows. Each grows anew, the DEQ as long as it spends at most, the FNN until it has spent at least the FLOPs of one growth of the dearer.");
        SeriesTable.Add(report, "curricula", "Growth with and without intermediate targets", series);
        CurvePicture.Draw([.. series.GroupBy(s => s.Regime).Select(regime => SeriesPanels.Best(regime.Key, "k of 2^k pieces", regime, target => ((Sawtooth)target).Doublings, Curve.Level("1/2 everywhere", [2, doublings[^1]], Sawtooth.ConstantError)))],
            report.PictureFile("curricula", "Test error of networks that grew, median and quartiles over seeds."), legend: Alignment.LowerRight);
        foreach (var k in doublings)
            Contest.Of(series.Where(s => s.Regime == Without && s.Target == new Sawtooth(k))).Tell(report, $"Growth without intermediate targets: 2^{k} pieces");
        var learnt = series.Where(s => s.Regime == Without && s.Median < 0.01 * Sawtooth.ConstantError).ToLookup(s => s.IsDeq, s => ((Sawtooth)s.Target).Doublings);
        report.Claim("Growth was shown simpler functions first. Asked here: without them, does a DEQ come to a hundredth of the best constant's error at more pieces than an FNN?", Most(true) > Most(false) ? "yes" : "no",
            $"DEQ {Told(Most(true))}, FNN {Told(Most(false))}, of 2^{doublings[0]} to 2^{doublings[^1]}; by medians over {Seeds.Counted(seeds)}");

        static string Told(int k) => k == 0 ? "at none" : $"up to 2^{k} pieces";

        int Most(bool isDeq) => learnt[isDeq].DefaultIfEmpty(0).Max();
    }

    private static IEnumerable<Series> Train(int k, GrowthRecipe growth, int seeds)
    {
        var (deq, fnn) = (Growth.Deq(k, units: 2), Growth.Fnn(k, depth: k));
        var flops = Math.Max(growth.FlopsOf(deq), growth.FlopsOf(fnn));
        foreach (var plan in (Growth[])[deq, fnn])
        {
            yield return Grow(With, plan);
            yield return Grow(Without, plan.WithoutCurriculum());
        }

        Series Grow(string regime, Growth plan) => Series.Train(regime, plan.Name, new Sawtooth(k), BeyondExperiment.FirstSeed, seeds, seed => growth.Train(plan, seed, flops));
    }
}
