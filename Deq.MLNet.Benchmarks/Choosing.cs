using System.Globalization;
using Deq.MLNet.Samples;
using Deq.MLNet.Trainers;
using Microsoft.ML;

namespace Deq.MLNet.Benchmarks;

/// <summary>What the options of a deep equilibrium trainer are worth: each is changed by itself, on the samples' data and on generated problems, over the folds of one split: accuracy and iterations; and time, in turn with the default.</summary>
internal static class Choosing
{
    /// <summary>One change of the options.</summary>
    private sealed record Choice(string Group, string Name, Action<DeqTrainerOptions> Apply);

    /// <summary>Data with a trainer of tuned options.</summary>
    /// <param name="Name">As the table shows it.</param>
    /// <param name="Metric">R², AUC or accuracy: more is better.</param>
    /// <param name="Load">Loads the rows.</param>
    /// <param name="Fit">Fits the pipeline with the options changed; gives the model and its metric on the test rows.</param>
    private sealed record Problem(string Name, string Metric, Func<MLContext, IDataView> Load, Func<MLContext, DataOperationsCatalog.TrainTestData, Action<DeqTrainerOptions>, (INetworkModel Model, double Metric)> Fit);

    /// <summary>Means over folds, and the metric's spread; or why there are none.</summary>
    private sealed record Outcome(double Metric, double Spread, double TrainingIterations, double ScoringIterations, string? Refused = null)
    {
        public override string ToString() => Refused ?? Text($"{Metric:F4} ({Spread:F4})");
    }

    private static readonly Choice[] Choices =
    [
        new("default", "default", _ => { }),
        new("solver", "Picard", o => o.Solver = new Picard()),
        new("solver", "Anderson", o => o.Solver = new Anderson()),
        new("solver", "Broyden", o => o.Solver = new Broyden()),
        new("solver", "Newton", o => o.Solver = new Newton()),
        new("rule", "Spectral(0.5)", o => o.WellPosedness = WellPosedness.Spectral(0.5f)),
        new("rule", "Spectral(0.9)", o => o.WellPosedness = WellPosedness.Spectral(0.9f)),
        new("rule", "Spectral(0.99)", o => o.WellPosedness = WellPosedness.Spectral(0.99f)),
        new("rule", "InfinityNorm(0.95)", o => o.WellPosedness = WellPosedness.InfinityNorm(0.95f)),
        new("rule", "Perron(0.95)", o => o.WellPosedness = WellPosedness.Perron(0.95f)),
        new("rule", "Monotone(1)", o => o.WellPosedness = WellPosedness.Monotone(1)),
        new("rule", "Monotone(0.1)", o => o.WellPosedness = WellPosedness.Monotone(0.1f)),
        new("rule", "StrictlyTriangular", o => o.WellPosedness = WellPosedness.StrictlyTriangular),
        new("rule", "Diagonal", o => o.WellPosedness = WellPosedness.Diagonal()),
        new("rule", "None", o => o.WellPosedness = WellPosedness.None),
        new("gradient", "Phantom(5, 0.5)", o => o.Gradient = new Phantom()),
        new("gradient", "OneStep", o => o.Gradient = new OneStep()),
        new("size", "16", o => o.HiddenSize = 16),
        new("size", "32", o => o.HiddenSize = 32),
        new("size", "64", o => o.HiddenSize = 64),
        new("size", "128", o => o.HiddenSize = 128),
        new("activation", "Tanh", o => o.Activation = Activation.Tanh),
        new("activation", "GELU", o => o.Activation = Activation.GELU),
        new("cell", "SkipConnection", o => o.SkipConnection = true),
        new("cell", "LayerNormalized", o => o.Cell = DeqCell.LayerNormalized),
        new("cell", "EncoderSizes [64]", o => o.EncoderSizes = [64]),
        new("training", "WarmStart", o => o.WarmStart = true),
    ];

    private static readonly Problem[] Problems =
    [
        Of("diabetes", DiabetesTask.Full, () => DiabetesTask.DeqOptions(), (ml, o) => ml.Regression.Trainers.Deq(o)),
        Of("breast cancer", BreastCancerTask.Full, BreastCancerTask.DeqOptions, (ml, o) => ml.BinaryClassification.Trainers.Deq(o)),
        Of("wine", ClassesTask.Wine, ClassesTask.WineDeqOptions, (ml, o) => ml.MulticlassClassification.Trainers.Deq(o)),
        Of("digits", ClassesTask.Digits, ClassesTask.DigitsDeqOptions, (ml, o) => ml.MulticlassClassification.Trainers.Deq(o)),
        Of("Friedman 1", Generated.Friedman, () => Short(new DeqRegressionTrainer.Options()), (ml, o) => ml.Regression.Trainers.Deq(o)),
        Of("two spirals", Generated.Spirals, () => Short(new DeqBinaryTrainer.Options()), (ml, o) => ml.BinaryClassification.Trainers.Deq(o)),
    ];

    /// <summary>Prints a table for each group of options.</summary>
    /// <param name="splitSeed">Of the split into folds. The defaults were chosen on 101; docs/choosing.md tells 2.</param>
    public static int Run(int splitSeed)
    {
        Console.WriteLine($"{Machine.Describe()}; {CrossValidation.Folds} folds of split {splitSeed}, one fit a core");
        var header = string.Concat(Problems.Select(p => $" | {p.Name}, {p.Metric}"));
        Console.WriteLine($"| options{header} | training iterations | scoring iterations |");
        Console.WriteLine($"|---{string.Concat(Problems.Select(_ => "|---"))}|---|---|");
        foreach (var choice in Choices)
        {
            var outcomes = Problems.Select(problem => Measure(problem, choice, splitSeed)).ToList();
            Console.WriteLine(Text($"| {choice.Group}: {choice.Name}{string.Concat(outcomes.Select(o => Text($" | {o}")))} | {Mean(outcomes, o => o.TrainingIterations):F1} | {Mean(outcomes, o => o.ScoringIterations):F1} |"));
        }
        return 0;
    }

    /// <summary>Prints how long training takes with each choice, as a ratio to the default on the Friedman problem, one fit after the other in turn.</summary>
    public static int RunTimes()
    {
        Console.WriteLine($"{Machine.Describe()}; ratios to the default, median of three fits in turn");
        var problem = Problems.Single(p => p.Name == "Friedman 1");
        var ml = new MLContext(seed: 1);
        var split = ml.Data.CrossValidationSplit(ml.Data.Cache(problem.Load(ml)), CrossValidation.Folds, seed: 2)[0];
        double Seconds(Choice choice) => problem.Fit(new MLContext(seed: 1), split, choice.Apply).Model.History.Epochs.Sum(e => e.Seconds);
        Seconds(Choices[0]);
        foreach (var choice in Choices)
        {
            var ratios = Enumerable.Range(0, 3).Select(_ => 1 / Seconds(Choices[0]) * Seconds(choice)).Order().ToArray();
            Console.WriteLine(Text($"| {choice.Group}: {choice.Name} | {ratios[1]:F2} ({ratios[0]:F2} to {ratios[2]:F2}) |"));
        }
        return 0;
    }

    private static double Mean(IEnumerable<Outcome> outcomes, Func<Outcome, double> of) => outcomes.Select(of).Where(double.IsFinite).DefaultIfEmpty(double.NaN).Average();

    private static T Short<T>(T options) where T : NetworkTrainerOptions
    {
        options.Epochs = 60;
        options.LearningRate = 3e-3f;
        options.LearningRateSchedule = LearningRateSchedule.Cosine().WithWarmUp(0.05f);
        options.Seed = 1;
        options.Threads = 1;
        return options;
    }

    private static Problem Of<TRow, TOptions>(string name, LearningTask<TRow> task, Func<TOptions> options, Func<MLContext, TOptions, IEstimator<ITransformer>> makeTrainer) where TOptions : DeqTrainerOptions =>
        new(name, task.MetricNames[0], task.Load, (ml, split, change) =>
        {
            var changed = options();
            change(changed);
            var model = task.Pipeline(ml, makeTrainer(ml, changed)).Fit(split.TrainSet);
            return (NetworkOf(model), task.Measure(ml, model.Transform(split.TestSet))[0]);
        });

    private static INetworkModel NetworkOf(ITransformer model)
    {
        var last = model is IEnumerable<ITransformer> chain ? chain.Last() : model;
        return (INetworkModel)((ISingleFeaturePredictionTransformer<object>)last).Model;
    }

    private static Outcome Measure(Problem problem, Choice choice, int splitSeed)
    {
        var ml = new MLContext(seed: 1);
        var splits = ml.Data.CrossValidationSplit(ml.Data.Cache(problem.Load(ml)), CrossValidation.Folds, seed: splitSeed).ToArray();
        var folds = new (double Metric, double Training, double Scoring)?[splits.Length];
        string? refused = null;
        Parallel.For(0, splits.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, fold =>
        {
            try
            {
                var (model, metric) = problem.Fit(new MLContext(seed: 1), splits[fold], choice.Apply);
                folds[fold] = (metric, model.History.Epochs.Average(e => e.MeanIterations), model.Equilibrium!.MeanIterations);
            }
            catch (Exception e) when (e is ArgumentException or DivergenceException)
            {
                refused = e is ArgumentException ? "refused" : "diverged";
            }
        });
        var done = folds.OfType<(double Metric, double Training, double Scoring)>().ToList();
        return refused is not null
            ? new Outcome(double.NaN, double.NaN, double.NaN, double.NaN, refused)
            : new Outcome(done.Average(f => f.Metric), Math.Sqrt(done.Sum(f => Math.Pow(f.Metric - done.Average(g => g.Metric), 2)) / (done.Count - 1)), done.Average(f => f.Training), done.Average(f => f.Scoring));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
