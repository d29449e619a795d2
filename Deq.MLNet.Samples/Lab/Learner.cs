using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples.Lab;

/// <summary>A kind of network to be trained on rows of several features.</summary>
/// <param name="Name">What tables and pictures call it.</param>
internal abstract record Learner(string Name)
{
    /// <summary>Trains one. On one thread, as several train at a time, and from kinks where the data is.</summary>
    /// <param name="ml">Where the data lives.</param>
    /// <param name="rows">What it is trained on.</param>
    /// <param name="set">Sets the options.</param>
    /// <param name="watched">Rows whose loss the history tells; null for none.</param>
    public RegressionPredictionTransformer<NetworkRegressionModelParameters> Fit(MLContext ml, IDataView rows, Action<NetworkTrainerOptions> set, IDataView? watched = null)
    {
        void SetAll(NetworkTrainerOptions options)
        {
            (options.Threads, options.NormalizeFeatures, options.NormalizeLabel, options.Initialization) = (1, false, false, Initialization.Kink());
            set(options);
        }
        var trainer = Trainer(ml, SetAll);
        return watched is null ? trainer.Fit(rows) : trainer.Fit(rows, watched);
    }

    private protected abstract NetworkRegressionTrainer Trainer(MLContext ml, Action<NetworkTrainerOptions> set);
}

/// <summary>A deep equilibrium network of so many states.</summary>
internal sealed record DeqLearner(int States, WellPosedness Rule) : Learner("DEQ")
{
    private protected override NetworkRegressionTrainer Trainer(MLContext ml, Action<NetworkTrainerOptions> set)
    {
        var options = new DeqRegressionTrainer.Options { HiddenSize = States, WellPosedness = Rule };
        set(options);
        return ml.Regression.Trainers.Deq(options);
    }

    public override string ToString() => $"DEQ {States}";
}

/// <summary>A feed-forward network of hidden layers.</summary>
internal sealed record FnnLearner(params int[] Layers) : Learner("FNN")
{
    private protected override NetworkRegressionTrainer Trainer(MLContext ml, Action<NetworkTrainerOptions> set)
    {
        var options = new FnnRegressionTrainer.Options { HiddenSizes = Layers };
        set(options);
        return ml.Regression.Trainers.Fnn(options);
    }

    public override string ToString() => $"FNN {string.Join('-', Layers)}";
}
