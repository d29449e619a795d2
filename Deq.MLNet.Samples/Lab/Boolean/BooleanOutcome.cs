using Microsoft.ML;

namespace Deq.MLNet.Samples.Lab;

/// <summary>A training of a network on the seen part of a task; one that diverged has errors of NaN, and so the worst.</summary>
/// <param name="TrainingLoss">The mean squared error over the rows it was trained on.</param>
/// <param name="SeenError">Over other points of the part that is seen.</param>
/// <param name="UnseenError">Over the part that is not: the GOTU error.</param>
/// <param name="FromLeastDegree">There, the mean squared distance from the interpolator of least degree.</param>
/// <param name="TrainingLosses">Epoch by epoch.</param>
/// <param name="UnseenErrors">The same, of some of the points that are not seen. They are watched and decide nothing.</param>
internal sealed record BooleanRun(double TrainingLoss, double SeenError, double UnseenError, double FromLeastDegree, double[] TrainingLosses, double[] UnseenErrors)
{
    public required int Weights { get; init; }

    /// <summary>Evaluations of the cell in a step, mean of all epochs.</summary>
    public required double Iterations { get; init; }
}

/// <summary>What a network came to on a task over the seeds.</summary>
internal sealed record BooleanOutcome(BooleanTask Task, Regime Regime, Learner Learner, float Rate, IReadOnlyList<BooleanRun> Runs)
{
    public const int Rows = 4_096;

    public const int FirstSeed = 1, TuningSeed = 2_000;

    private const int WatchedPoints = 1_024;

    public static BooleanOutcome Train(BooleanTask task, Regime regime, Learner learner, int seeds)
    {
        var rate = regime.Choose(rate => Try(task, regime, learner, rate, TuningSeed).SeenError);
        return new BooleanOutcome(task, regime, learner, rate, Seeds.ForEach(FirstSeed, seeds, seed => Try(task, regime, learner, rate, seed)));
    }

    public IReadOnlyList<double> All(Func<BooleanRun, double> value) => [.. Runs.Select(value)];

    public double Median(Func<BooleanRun, double> value) => Statistics.Median(All(value));

    private static BooleanRun Try(BooleanTask task, Regime regime, Learner learner, float rate, int seed)
    {
        try
        {
            return Fit(task, regime, learner, rate, seed);
        }
        catch (DivergenceException)
        {
            return new BooleanRun(double.NaN, double.NaN, double.NaN, double.NaN, [], []) { Weights = 0, Iterations = double.NaN };
        }
    }

    private static BooleanRun Fit(BooleanTask task, Regime regime, Learner learner, float rate, int seed)
    {
        var ml = new MLContext();
        IDataView Data(float[][] x) => Lab.Rows.Of(ml, x, task.Values(x));
        // The second half of the seen points is what learning rates are judged by.
        var seen = task.Points(seen: true, 2 * Rows, seed);
        var (training, other, unseen) = (seen[..Rows], seen[Rows..], task.Points(seen: false, int.MaxValue, seed));
        // Several starts would be judged by what is watched, and what is not seen must not decide anything: they are a training of their own, watched by nobody.
        Network? start = null;
        void Set(NetworkTrainerOptions options) => (options.Seed, options.LearningRate, options.InitialNetwork) = (seed, rate, start);
        if (regime.Begin is { } begin)
            start = learner.Fit(ml, Data(training), Set + begin).Model.Network;
        var model = learner.Fit(ml, Data(training), Set + regime.Set, Data(unseen[..WatchedPoints])).Model;

        var network = model.Network;
        var (scratch, y) = (new float[network.ScratchSize], new float[1]);
        double SquaredError(float[][] x, Func<float[], double> of) => x.Average(point =>
        {
            network.Evaluate(point, scratch, y);
            return Math.Pow(y[0] - of(point), 2);
        });
        return new BooleanRun(SquaredError(training, task.Function), SquaredError(other, task.Function), SquaredError(unseen, task.Function), SquaredError(unseen, task.LeastDegree),
            [.. model.History.Epochs.Select(epoch => epoch.TrainingLoss)], [.. model.History.Epochs.Select(epoch => epoch.ValidationLoss).OfType<double>()])
        {
            Weights = network.ParameterCount,
            Iterations = model.History.Epochs.Average(epoch => epoch.MeanIterations),
        };
    }
}
