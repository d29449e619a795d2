using Microsoft.ML;

namespace Deq.MLNet.Samples.Lab;

/// <summary>A training of a network on the seen part of a task; one that diverged has errors of NaN, and so the worst.</summary>
/// <param name="TrainingLoss">The mean squared error over the rows it was trained on.</param>
/// <param name="SeenError">Over other points of the part that is seen.</param>
/// <param name="UnseenError">Over the part that is not: the GOTU error.</param>
/// <param name="FromLeastDegree">There, the mean squared distance from the interpolator of least degree.</param>
/// <param name="TrainingLosses">Epoch by epoch, those of the start that went on among them.</param>
/// <param name="UnseenErrors">Epoch by epoch after the starts, of some of the points that are not seen. They are watched and decide nothing.</param>
internal sealed record BooleanRun(double TrainingLoss, double SeenError, double UnseenError, double FromLeastDegree, double[] TrainingLosses, double[] UnseenErrors)
{
    public required int Weights { get; init; }

    /// <summary>Evaluations of the cell in a step, mean of all epochs.</summary>
    public required double Iterations { get; init; }
}

/// <summary>What a network came to on a task over the seeds.</summary>
internal sealed record BooleanOutcome(BooleanTask Task, Regime Regime, Learner Learner, float? Rate, IReadOnlyList<BooleanRun> Runs) : LearnerOutcome<BooleanRun>(Regime, Learner, Rate, Runs)
{
    public const int Rows = 4_096;

    public const int FirstSeed = 1;

    private const int WatchedPoints = 1_024;

    public static BooleanOutcome Train(BooleanTask task, Regime regime, Learner learner, int seeds)
    {
        var rate = regime.Choose((rate, seed) => Try(task, regime, learner, rate, seed).SeenError);
        return new BooleanOutcome(task, regime, learner, rate, Seeds.ForEach(FirstSeed, seeds, seed => Try(task, regime, learner, rate, seed)));
    }

    /// <summary>Whether it has learnt the part that is seen, by points of it that training did not have.</summary>
    public bool Fits => Median(run => run.SeenError) < 0.01 * Task.SeenVariance;

    private static BooleanRun Try(BooleanTask task, Regime regime, Learner learner, float? rate, int seed) =>
        Seeds.Try(() => Fit(task, regime, learner, rate, seed), new BooleanRun(double.NaN, double.NaN, double.NaN, double.NaN, [], []) { Weights = 0, Iterations = double.NaN });

    private static BooleanRun Fit(BooleanTask task, Regime regime, Learner learner, float? rate, int seed)
    {
        var ml = new MLContext();
        IDataView Data(float[][] x) => Lab.Rows.Of(ml, x, task.Values(x));
        // The second half of the seen points is what learning rates are judged by.
        var seen = task.Points(seen: true, 2 * Rows, seed);
        var (training, other, unseen) = (seen[..Rows], seen[Rows..], task.Points(seen: false, int.MaxValue, seed));
        // Several starts would be judged by what is watched, and what is not seen must not decide anything: they are a training of their own, watched by nobody.
        Network? start = null;
        double[] before = [];
        void Set(NetworkTrainerOptions options) => (options.Seed, options.LearningRate, options.InitialNetwork) = (seed, rate ?? options.LearningRate, start);
        if (regime.Begin is { } begin)
        {
            var begun = learner.Fit(ml, Data(training), Set + begin).Model;
            (start, before) = (begun.Network, TrainingLosses(begun));
        }
        var model = learner.Fit(ml, Data(training), Set + regime.Set, Data(unseen[..WatchedPoints])).Model;

        var network = model.Network;
        var (scratch, y) = (new float[network.ScratchSize], new float[1]);
        double SquaredError(float[][] x, Func<float[], double> of) => x.Average(point =>
        {
            network.Evaluate(point, scratch, y);
            return Math.Pow(y[0] - of(point), 2);
        });
        return new BooleanRun(SquaredError(training, task.Function), SquaredError(other, task.Function), SquaredError(unseen, task.Function), SquaredError(unseen, task.LeastDegree),
            [.. before, .. TrainingLosses(model)], [.. model.History.Epochs.Select(epoch => epoch.ValidationLoss).OfType<double>()])
        {
            Weights = network.ParameterCount,
            Iterations = model.History.Epochs.Average(epoch => epoch.MeanIterations),
        };

        static double[] TrainingLosses(NetworkRegressionModelParameters model) => [.. model.History.Epochs.Select(epoch => epoch.TrainingLoss)];
    }
}
