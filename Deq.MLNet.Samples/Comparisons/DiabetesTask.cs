using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;

namespace Deq.MLNet.Samples;

/// <summary>Regression on the diabetes data.</summary>
internal static class DiabetesTask
{
    public const int Epochs = 60;

    // 442 rows of noisy data ask for strong decay: without any the networks learn the training rows by heart (R² .41 and .22).
    // Decay (0.7 to 5) and epochs (60, 100) were chosen on the folds of split seed 1.
    private const float WeightDecay = 3;

    /// <summary>With the four trainers of the quickstart.</summary>
    public static LearningTask<ProgressionEstimate> Short { get; } = Of([
        Candidate.Network("DEQ", ml => Deq(ml)),
        Candidate.Network("FNN", ml => ml.Regression.Trainers.Fnn(Tuned(new FnnRegressionTrainer.Options()))),
        Candidate.BuiltIn("Sdca", ml => ml.Regression.Trainers.Sdca(new SdcaRegressionTrainer.Options { NumberOfThreads = 1 })),
        Candidate.BuiltIn("LightGbm", ml => ml.Regression.Trainers.LightGbm()),
    ]);

    public static LearningTask<ProgressionEstimate> Full { get; } = Of([
        .. Short.Candidates,
        Candidate.BuiltIn("FastTree", ml => ml.Regression.Trainers.FastTree()),
        Candidate.BuiltIn("LbfgsPoisson", ml => ml.Regression.Trainers.LbfgsPoissonRegression(new LbfgsPoissonRegressionTrainer.Options { NumberOfThreads = 1 })),
    ]);

    public static EstimatorChain<T> Pipeline<T>(MLContext ml, IEstimator<T> trainer) where T : class, ITransformer =>
        ml.Transforms.Concatenate("Features", Diabetes.Measurements)
            .Append(ml.Transforms.NormalizeMeanVariance("Features", fixZero: false))
            .AppendCacheCheckpoint(ml)
            .Append(trainer);

    public static DeqRegressionTrainer Deq(MLContext ml, Action<TrainingEpoch>? onEpoch = null) =>
        ml.Regression.Trainers.Deq(DeqOptions(onEpoch));

    public static DeqRegressionTrainer.Options DeqOptions(Action<TrainingEpoch>? onEpoch = null) => Tuned(new DeqRegressionTrainer.Options { OnEpoch = onEpoch });

    private static LearningTask<ProgressionEstimate> Of(IReadOnlyList<Candidate> candidates) =>
        new("Progression of diabetes", Diabetes.Load, candidates, Pipeline, ["R²", "RMSE"], (ml, scored) =>
        {
            var metrics = ml.Regression.Evaluate(scored);
            return [metrics.RSquared, metrics.RootMeanSquaredError];
        });

    private static T Tuned<T>(T options) where T : NetworkTrainerOptions
    {
        options.Epochs = Epochs;
        options.Optimizer = new AdamW();
        options.WeightDecay = WeightDecay;
        options.Seed = 1;
        options.Threads = 1;
        return options;
    }
}
