namespace Deq.MLNet.Samples.Lab;

/// <summary>What networks make of points of a kind that they have never seen.</summary>
internal sealed class BooleanExperiment : IExperiment
{
    private const double LeastShown = 1e-16;

    public string Name => "boolean";

    public string Title => "Boolean functions on the unseen";

    public void Run(LabSettings settings, Report report)
    {
        BooleanTask[] tasks = settings.Quick ? [BooleanTask.TwoParity, BooleanTask.ThreeSymmetric] : [BooleanTask.TwoParity, BooleanTask.ThreeSymmetric, BooleanTask.Majority];
        var (seeds, regimes) = (settings.SeedsOr(10, 2), Regimes(settings.Quick));
        report.Text($"""
            Functions of 15 values of -1 and 1, learnt by the squared error from {BooleanOutcome.Rows} points of a part of the cube and judged by the mean squared error over all points of the rest (GOTU, generalisation on the unseen). The interpolator of least degree is the polynomial that is right
            where points are seen and has the lowest degrees: what random feature models tend to, a line to compare with. Tasks and sizes stand in for the paper's f1 and f2, which were not at hand. {Remarks.Seeds(BooleanOutcome.FirstSeed, seeds)} Validation points are other points of the seen part.
            """);
        report.Text(string.Join("\n", tasks.Select(task => FormattableString.Invariant($"- **{task.Name}**: {task.Formula}. The interpolator of least degree has an error of {task.LeastDegreeError:G4}."))));
        foreach (var regime in regimes)
            report.Text($"**{char.ToUpperInvariant(regime.Name[0])}{regime.Name[1..]}**: {regime.Deq} and {regime.Fnn}, {regime.Effort}");

        var outcomes = tasks.SelectMany(task => regimes.SelectMany(regime => regime.Learners.Select(learner => BooleanOutcome.Train(task, regime, learner, seeds)))).ToList();
        report.Table("errors", "Medians over seeds of mean squared errors; iterations are evaluations of the cell in a step, the mean of all epochs, and Newton steps by Levenberg and Marquardt's method; a network fits the seen part with a median error at its other points below a hundredth of the variance there",
            ["task", "regime", "network", "weights", "iterations", "learning rate", "training loss", "other seen points", "fits", "unseen", "lower quartile", "upper quartile", "unseen, from the interpolator of least degree", "that one's error"],
            outcomes.Select(o => new object?[] { o.Task.Name, o.Regime.Name, o.Learner.ToString(), o.Runs.Max(run => run.Weights), o.Learner is DeqLearner ? o.Median(run => run.Iterations) : null, o.Rate, o.Median(run => run.TrainingLoss), o.Median(run => run.SeenError), o.Fits ? "yes" : "no",
                o.Median(run => run.UnseenError), o.Quantile(run => run.UnseenError, 0.25), o.Quantile(run => run.UnseenError, 0.75), o.Median(run => run.FromLeastDegree), o.Task.LeastDegreeError }));
        report.SeedBySeed("errors", ["task", "regime", "network", "learning rate", "seed", "training loss", "other seen points", "unseen", "unseen, from the interpolator of least degree"],
            outcomes.SelectMany(o => o.Runs.Select((run, i) => new object?[] { o.Task.Name, o.Regime.Name, o.Learner.ToString(), o.Rate, BooleanOutcome.FirstSeed + i, run.TrainingLoss, run.SeenError, run.UnseenError, run.FromLeastDegree })));
        Draw(report, tasks, regimes, outcomes);

        report.Text(Comparison.HowItIsJudged);
        foreach (var pair in outcomes.Chunk(2))
        {
            var because = pair.All(o => o.Fits) ? "" : FormattableString.Invariant($"; at other seen points DEQ {pair[0].Median(run => run.SeenError):G3}, FNN {pair[1].Median(run => run.SeenError):G3}, where the variance is {pair[0].Task.SeenVariance:G3}");
            report.Verdict($"GOTU error, {pair[0].Task.Name} (Fig. 1c, 1f)", pair[0].Regime.Name, Compare(pair).Verdict, Compare(pair).Because + because);
        }
        report.Claim("Figures 1c and 1f compare errors on the unseen; what they show was not at hand. Asked here: is a DEQ's below an FNN's?", Finding([.. outcomes.Chunk(2).Select(pair => Compare(pair).Verdict)]),
            "medians, DEQ against FNN: " + string.Join("; ", outcomes.Chunk(2).Select(pair => FormattableString.Invariant($"{pair[0].Task.Name}, {pair[0].Regime.Name} {pair[0].Median(run => run.UnseenError):G3} against {pair[1].Median(run => run.UnseenError):G3}{(pair.All(o => o.Fits) ? "" : $" ({Compare(pair).Verdict})")}"))) + ". On stand-ins for the paper's tasks and sizes");
        foreach (var outcome in outcomes.Where(o => o.Regime.Name == "plain"))
            report.Figure($"gotu_{outcome.Task.Name}_{outcome.Learner.Name.ToLowerInvariant()}", outcome.Median(run => run.UnseenError));
    }

    /// <summary>A DEQ and an FNN on the unseen.</summary>
    private static Comparison Compare(BooleanOutcome[] pair) =>
        new(pair[0].All(run => run.UnseenError), pair[1].All(run => run.UnseenError)) { Fit = (pair[0].Fits, pair[1].Fits) };

    private static string Finding(IReadOnlyList<string> verdicts) =>
        verdicts.All(verdict => verdict == "DEQ wins") ? "yes" : verdicts.Any(verdict => verdict == "DEQ wins") ? "in part" : "no";

    private static Regime[] Regimes(bool quick)
    {
        var (epochs, steps) = quick ? (6, 20) : (60, 100);
        void Adam(NetworkTrainerOptions options) => (options.Epochs, options.BatchSize, options.LearningRateSchedule) = (epochs, 64, LearningRateSchedule.Cosine());
        return
        [
            new("plain", $"as many FLOPs forward as 10 iterations of the DEQ. Adam, {epochs} epochs in steps of 64 rows, cosine schedule, the learning rate chosen.",
                new(64, WellPosedness.Spectral()), new(96, 192, 96, 48), true, Adam),
            new("equal effort", $"as many weights, so that steps cost the same. Levenberg and Marquardt's method, 4 starts of 10 steps, the best 2 by training loss for 10 more, the best of them for {steps} more.",
                new(12, WellPosedness.Spectral()), new(12, 12), false, options => (options.Optimizer, options.Epochs) = (new LevenbergMarquardt(), steps))
            {
                Begin = options => (options.Optimizer, options.Epochs, options.Starts) = (new LevenbergMarquardt(), 20, new Starts(4, 10, 2, 10)),
            },
            new("restricted", "an FNN of two hidden layers, as many FLOPs as 10 iterations of the DEQ. Trained as plain, with row sums of all weights within 2, those of W within 0.95.",
                new(64, WellPosedness.InfinityNorm()), new(200, 200), true, options =>
                {
                    Adam(options);
                    options.MaxWeightNorm = 2;
                }),
        ];
    }

    private static void Draw(Report report, BooleanTask[] tasks, Regime[] regimes, List<BooleanOutcome> outcomes)
    {
        BarPicture.Draw([.. tasks.SelectMany(task => regimes.Select(regime => new BarPanel($"{task.Name}, {regime.Name}", "error on the unseen",
            [.. outcomes.Where(o => o.Task == task && o.Regime == regime).Select(o => Bar.OverSeeds(o.Learner.Name, o.All(run => run.UnseenError)))], ("least degree", task.LeastDegreeError))))],
            report.PictureFile("unseen", "GOTU error, median and quartiles over seeds, with that of the interpolator of least degree."), columns: regimes.Length);
        CurvePanel Panel(BooleanTask task, Regime regime, string what, Func<BooleanRun, double[]> losses, params Curve[] lines) => new($"{task.Name}, {regime.Name}", regime.HasRate ? "epoch" : "step", what,
        [
            .. outcomes.Where(o => o.Task == task && o.Regime == regime).Select(o => Curve.OverSeeds(o.Learner.Name, [.. o.Runs.Select(losses).MaxBy(all => all.Length)!.Select((_, i) => i + 1.0)], [.. o.Runs.Select(losses)])),
            .. lines,
        ]);
        CurvePicture.Draw([.. tasks.SelectMany(task => regimes.Select(regime => Panel(task, regime, "training loss", run => [.. run.TrainingLosses.Select(loss => Math.Max(loss, LeastShown))])))],
            report.PictureFile("training", "Training loss, median and quartiles over seeds; steps of the regime of equal effort are those of the start that went on, and all that follow. What is below 1e-16, rounding of float32 squared, is drawn there."), columns: regimes.Length);
        CurvePicture.Draw([.. tasks.SelectMany(task => regimes.Select(regime => Panel(task, regime, "error on the unseen", run => run.UnseenErrors, Curve.Level("least degree", [1, outcomes.First(o => o.Regime == regime).Runs[0].UnseenErrors.Length], task.LeastDegreeError))))],
            report.PictureFile("gotu", "GOTU error on 1,024 points while training, which decides nothing: median and quartiles over seeds; steps of the regime of equal effort are those after its starts."), logY: false, columns: regimes.Length);
    }
}
