namespace Deq.MLNet.Samples.Lab;

/// <summary>Which features networks learn where the rows leave them the choice: few, or many.</summary>
internal sealed class FeaturesExperiment : IExperiment
{
    private const int Units = 20, FirstSeed = 1, ShownRows = 32;

    public string Name => "features";

    public string Title => "Which features networks learn";

    public void Run(LabSettings settings, Report report)
    {
        var seeds = settings.SeedsOr(20, 3);
        report.Text($"""
            {LinearTask.TrainingRows} rows of {LinearTask.Features} standard normal features, y = beta x without noise: many functions fit, and which one a training finds is its bias. Sparse: beta has two values that are not 0. Dense: {LinearTask.Features} of the same size.
            The task stands in for the paper's, which was not at hand. {Remarks.Seeds(FirstSeed, seeds)} There are 512 validation points. The features of a network are what its last units add to the output, their number is counted by the participation ratio (sum |a|)² / sum a² of their root mean squares over {LinearTask.TestRows} test rows, of linear models of |beta|: 1 for one alone, {Units} where all are alike.
            """);
        var diagonal = Diagonal(settings, report, seeds);
        var regimes = Regimes(settings.Quick);
        foreach (var regime in regimes)
            report.Text($"**{char.ToUpperInvariant(regime.Name[0])}{regime.Name[1..]}**: {regime.Effort}");
        report.Text("The diagonal DEQ has one way to be trained, gradient flow, of which the theory speaks; the regimes are those of the networks of relu, and both networks of a regime have the same options, but for the counts of equal effort. By Adam both take as many steps, whatever a step costs; how well the rows are fitted stands in the table.");

        var outcomes = new[] { LinearTask.Sparse, LinearTask.Dense }.SelectMany(task => regimes.SelectMany(regime => regime.Learners.Select(learner => FeaturesOutcome.Train(task, regime, learner, FirstSeed, seeds)))).ToList();
        report.Table("networks", "Networks of relu: medians over seeds", ["task", "regime", "network", "learning rate chosen", "training loss", "test error as a share of the variance", "participation of features", "lower quartile", "upper quartile", "at the start"],
            outcomes.Select(o => new object?[] { o.Task.Name, o.Regime.Name, o.Learner.ToString(), o.Rate, o.Median(run => run.Loss), o.Median(run => run.Error), o.Median(run => run.Participation), o.Quantile(run => run.Participation, 0.25), o.Quantile(run => run.Participation, 0.75), o.Median(run => run.AtStart) }));

        report.SeedBySeed("networks", ["task", "regime", "network", "learning rate", "seed", "training loss", "test error as a share of the variance", "participation of features", "at the start"],
            outcomes.SelectMany(o => o.Runs.Select((run, i) => new object?[] { o.Task.Name, o.Regime.Name, o.Learner.ToString(), o.Rate, FirstSeed + i, run.Loss, run.Error, run.Participation, run.AtStart })));
        Draw(report, diagonal, outcomes, regimes);
        foreach (var pair in outcomes.Chunk(2))
        {
            var comparison = new Comparison(pair[0].All(run => run.Error), pair[1].All(run => run.Error));
            report.Verdict($"test error of 8 rows, {pair[0].Task.Name} target (Fig. 2)", pair[0].Regime.Name, comparison.Verdict, comparison.Because);
        }
        report.Text(Comparison.HowItIsJudged);
        var pairs = outcomes.Where(o => o.Task == LinearTask.Sparse).Chunk(2).Select(pair => (Deq: pair[0], Fnn: pair[1])).ToList();
        var participation = Statistics.Median(diagonal.Select(d => d.Participation));
        report.Claim("Gradient flow on a diagonal linear DEQ is biased towards dense features",
            (diagonal.Count(d => d.Participation > d.OfLeastNorm), diagonal.Count(d => d.Participation > d.OfFnn)) switch
            {
                var (least, _) when 2 * least > diagonal.Length => "agrees",
                var (_, fnn) when 2 * fnn > diagonal.Length => "agrees in part",
                _ => "does not agree",
            },
            FormattableString.Invariant($"on a sparse target its features count {participation:G3}, the target's own {LinearModels.Participation(LinearTask.Sparse.Beta):G3}. Denser than a diagonal linear FNN that starts from 1e-4, which is known to end sparse ({Statistics.Median(diagonal.Select(d => d.OfFnn)):G3}), in {diagonal.Count(d => d.Participation > d.OfFnn)} of {diagonal.Length} seeds; than one that starts from 1 ({Statistics.Median(diagonal.Select(d => d.OfFnnFromOne)):G3}) in {diagonal.Count(d => d.Participation > d.OfFnnFromOne)}; than the interpolator of least norm ({Statistics.Median(diagonal.Select(d => d.OfLeastNorm)):G3}) in {diagonal.Count(d => d.Participation > d.OfLeastNorm)}"));
        var denser = pairs.Count(pair => Comparison.IsBelow(pair.Fnn.All(run => run.Participation), pair.Deq.All(run => run.Participation)));
        report.Claim("Figure 2 compares features of a vanilla DEQ and an FNN; what it shows was not at hand. Asked here: are the DEQ's denser?", denser == pairs.Count ? "yes" : denser > 0 ? "in part" : "no",
            "participation of features on the sparse target, medians with quartiles, which must not overlap, DEQ against FNN: " + string.Join("; ", pairs.Select(pair => FormattableString.Invariant($"{pair.Deq.Regime.Name} {Comparison.Describe(pair.Deq.All(run => run.Participation))} against {Comparison.Describe(pair.Fnn.All(run => run.Participation))}, whose (first) starts have {pair.Deq.Median(run => run.AtStart):G3} and {pair.Fnn.Median(run => run.AtStart):G3}"))));
        report.Figure("participation_diag", participation);
        report.Figure("participation_deq", pairs[0].Deq.Median(run => run.Participation));
        report.Figure("participation_fnn", pairs[0].Fnn.Median(run => run.Participation));
    }

    private static Regime[] Regimes(bool quick)
    {
        var epochs = quick ? 1_000 : 4_000;
        void Adam(NetworkTrainerOptions options) => (options.Epochs, options.BatchSize, options.LearningRateSchedule) = (epochs, LinearTask.TrainingRows, LearningRateSchedule.Cosine());
        FnnLearner fnn = new(Units, Units);
        double StepFlops(Size size) => Flops.LevenbergMarquardt(size.Forward(LinearTask.Features), LinearTask.TrainingRows, size.Parameters(LinearTask.Features), steps: 1);
        var times = (int)Math.Round(StepFlops(new DeqSize(Units, WellPosedness.Spectral())) / StepFlops(FnnSize.Of(Units, depth: 2)));
        return
        [
            new("plain", $"Adam, {epochs} steps of all rows, cosine schedule, the learning rate chosen.", new(Units, WellPosedness.Spectral()), fnn, true, Adam),
            new("equal effort", $"Levenberg and Marquardt's method, 8 starts of 20 steps, the best 2 by training loss for 30 more, the best for 150 more; the FNN, which has about as many weights and whose steps cost less, {times} times as many of each, which comes to the same FLOPs.", new(Units, WellPosedness.Spectral()), fnn, false, options =>
            {
                var more = options is FnnTrainerOptions ? times : 1;
                (options.Optimizer, options.Epochs, options.Starts) = (new LevenbergMarquardt(), 20 + 30 + 150 * more, new Starts(8 * more, 20, 2 * more, 30));
            }),
            new("restricted", "as plain, with row sums of all weights within 2, those of W within 0.95.", new(Units, WellPosedness.InfinityNorm()), fnn, true, options =>
            {
                Adam(options);
                options.MaxWeightNorm = 2;
            }),
        ];
    }

    private static DiagonalOutcome[] Diagonal(LabSettings settings, Report report, int seeds)
    {
        float[] rates = settings.Quick ? [1e-2f, 3e-3f] : [3e-2f, 1e-2f, 3e-3f, 1e-3f];
        var x = LinearTask.X(LinearTask.TrainingRows, FirstSeed);
        var flows = Seeds.ForEach(0, rates.Length, i => DiagonalFlow.Run(LinearTask.Sparse, x, rates[i]));
        report.Table("flow", "The diagonal linear DEQ by gradient descent on the sparse target, one seed: what gradient flow conserves is conserved, and where it must end it ends, up to the rate",
            ["learning rate", "training loss", "largest change of u² + (1 - w)²", "KKT residual of least sum beta arctan(beta)", "of least norm"],
            flows.Select((flow, i) => new object?[] { rates[i], flow.Loss, flow.Drift, LinearModels.ArctanResidual(x, flow.Beta), LinearModels.LeastNormResidual(x, flow.Beta) }));
        var values = rates.Select(rate => (double)rate).ToArray();
        CurvePicture.Draw(
        [
            new CurvePanel("Diagonal DEQ by gradient descent", "learning rate", "change, residual",
            [
                new Curve("change of u² + (1 - w)²", values, [.. flows.Select(flow => flow.Drift)]), new Curve("KKT residual, beta arctan(beta)", values, [.. flows.Select(flow => LinearModels.ArctanResidual(x, flow.Beta))]),
                new Curve("KKT residual, least norm", values, [.. flows.Select(flow => LinearModels.LeastNormResidual(x, flow.Beta))]),
            ]),
        ], report.PictureFile("flow", "As the rate of gradient descent falls, it comes to gradient flow: what that conserves changes less, and the condition of its end point is met. The interpolator of least norm is another."), logX: true, legend: ScottPlot.Alignment.LowerRight, width: 720);

        var outcomes = Seeds.ForEach(FirstSeed, seeds, DiagonalOutcome.Run);
        report.Table("diagonal", "The diagonal linear DEQ on the sparse target at a rate of 0.01, seed by seed, and how many features other interpolators of the same rows have",
            ["seed", "training loss", "change of u² + (1 - w)²", "KKT residual", "KKT residual of least norm", "participation", "of the least norm", "of a diagonal linear FNN from 1e-4", "training loss from 1e-4", "of one from 1", "training loss from 1", "of the target"],
            outcomes.Select((o, i) => new object?[] { FirstSeed + i, o.Loss, o.Drift, o.ArctanResidual, o.LeastNormResidual, o.Participation, o.OfLeastNorm, o.OfFnn, o.LossOfFnn, o.OfFnnFromOne, o.LossOfFnnFromOne, LinearModels.Participation(LinearTask.Sparse.Beta) }));
        return outcomes;
    }

    private static void Draw(Report report, DiagonalOutcome[] diagonal, List<FeaturesOutcome> outcomes, Regime[] regimes)
    {
        var shown = LinearTask.TestX[..ShownRows];
        HeatPanel Panel(string title, Network? network)
        {
            var features = shown.Select(row => LearntFeatures.Of(network, row)).ToArray();
            var largest = features.Max(row => row.Max(Math.Abs));
            var values = new double[ShownRows, Units];
            for (var r = 0; r < ShownRows; r++)
                for (var i = 0; i < Units; i++)
                    values[r, i] = Math.Abs(features[r][i]) / largest;
            return new HeatPanel(title, "feature", "test row", values);
        }
        var sparse = outcomes.Where(o => o.Task == LinearTask.Sparse).ToList();
        HeatMap.Draw([.. regimes.SelectMany(regime => sparse.Where(o => o.Regime == regime).Select(o => Panel($"{o.Learner.Name}, {regime.Name}", o.Runs[0].Network)).Prepend(Panel("diagonal DEQ", diagonal[0].Network)))], 3,
            "|feature|, share of the largest", report.PictureFile("heat", "|features| 1 to 20 of 32 test rows, each network's as a share of its largest; the target is sparse, in features 3 and 8 of x. The features of the diagonal DEQ are those of x, those of the others are hidden units, in no order. The diagonal DEQ is the same in all regimes. First seed."));
        BarPicture.Draw([.. regimes.Select(regime => new BarPanel(regime.Name, "participation ratio",
        [
            Bar.OverSeeds("diagonal DEQ", [.. diagonal.Select(d => d.Participation)]),
            .. sparse.Where(o => o.Regime == regime).Select(o => Bar.OverSeeds(o.Learner.Name, o.All(run => run.Participation))),
        ], ("least norm", Statistics.Median(diagonal.Select(d => d.OfLeastNorm)))))], report.PictureFile("participation", "How many features count, on the sparse target: median and quartiles over seeds. The diagonal DEQ is the same in all regimes."));
        BarPicture.Draw([.. regimes.Select(regime => new BarPanel(regime.Name, "test error / variance",
            [.. outcomes.Where(o => o.Regime == regime).Select(o => Bar.OverSeeds($"{o.Learner.Name}, {o.Task.Name}", o.All(run => run.Error)))], ("a constant", 1)))],
            report.PictureFile("test", "Test errors, median and quartiles over seeds."));
    }
}
