using Microsoft.ML;

namespace Deq.MLNet.Samples.Lab;

/// <summary>A training of a network on a linear task; one that diverged has no network and errors of NaN, and so the worst.</summary>
/// <param name="Network">What came of it.</param>
/// <param name="Loss">The mean squared error over its rows, as a share of the target's variance.</param>
/// <param name="Error">The same over test rows.</param>
/// <param name="Participation">How many features it has.</param>
/// <param name="AtStart">How many the network had that it started from; of several starts the first.</param>
internal sealed record FeaturesRun(Network? Network, double Loss, double Error, double Participation, double AtStart);

/// <summary>What a network came to on a linear task over the seeds.</summary>
internal sealed record FeaturesOutcome(LinearTask Task, Regime Regime, Learner Learner, float? Rate, IReadOnlyList<FeaturesRun> Runs) : LearnerOutcome<FeaturesRun>(Regime, Learner, Rate, Runs)
{
    public static FeaturesOutcome Train(LinearTask task, Regime regime, Learner learner, int first, int seeds)
    {
        var rate = regime.Choose((rate, seed) => Try(task, regime, learner, rate, seed, LinearTask.ValidationX).Error);
        return new FeaturesOutcome(task, regime, learner, rate, Seeds.ForEach(first, seeds, seed => Try(task, regime, learner, rate, seed, LinearTask.TestX)));
    }

    private static FeaturesRun Try(LinearTask task, Regime regime, Learner learner, float? rate, int seed, float[][] test) =>
        Seeds.Try(() => Fit(task, regime, learner, rate, seed, test), new FeaturesRun(null, double.NaN, double.NaN, double.NaN, double.NaN));

    private static FeaturesRun Fit(LinearTask task, Regime regime, Learner learner, float? rate, int seed, float[][] test)
    {
        var ml = new MLContext();
        var x = LinearTask.X(LinearTask.TrainingRows, seed);
        var network = learner.Fit(ml, task.Data(ml, x), options =>
        {
            (options.Seed, options.LearningRate) = (seed, rate ?? options.LearningRate);
            regime.Set(options);
        }).Model.Network;
        // A step of no length leaves the start as it is, within the bounds of the regime.
        var start = learner.Fit(ml, task.Data(ml, x), options =>
        {
            regime.Set(options);
            (options.Seed, options.Optimizer, options.Starts, options.LearningRate, options.Epochs) = (seed, new Adam(), null, float.Epsilon, 1);
        }).Model.Network;
        return new FeaturesRun(network, SquaredError(network, x), SquaredError(network, test), LinearModels.Participation(LearntFeatures.Sizes(network, test)), LinearModels.Participation(LearntFeatures.Sizes(start, test)));

        // As a share of what the best constant has.
        double SquaredError(Network of, float[][] rows) => rows.Zip(task.Y(rows), (row, y) => Math.Pow(of.EvaluateFloat64(row)[0] - y, 2)).Average() / task.Beta.Sum(b => b * b);
    }
}
