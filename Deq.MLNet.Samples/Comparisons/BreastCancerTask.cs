using Microsoft.ML;
using Microsoft.ML.Trainers;

namespace Deq.MLNet.Samples;

/// <summary>Binary classification of the breast cancer data.</summary>
internal static class BreastCancerTask
{
    // Tuned on the folds of split seeds 101 to 105: size (32, 64) of the DEQ, decay (0.1, 1, 2, 3), epochs (30, 60), schedule (constant, cosine).
    // All of it lay within 0.9945 and 0.9962 of AUC.
    public static LearningTask<Diagnosis> Full { get; } = new("Breast cancer", BreastCancer.Load,
        [
            Candidate.Network("DEQ", ml => ml.BinaryClassification.Trainers.Deq(DeqOptions())),
            Candidate.Network("FNN", ml => ml.BinaryClassification.Trainers.Fnn(Tuned(new FnnBinaryTrainer.Options()))),
            Candidate.BuiltIn("Sdca", ml => ml.BinaryClassification.Trainers.SdcaLogisticRegression(new SdcaLogisticRegressionBinaryTrainer.Options { NumberOfThreads = 1 })),
            Candidate.BuiltIn("LightGbm", ml => ml.BinaryClassification.Trainers.LightGbm()),
            Candidate.BuiltIn("FastTree", ml => ml.BinaryClassification.Trainers.FastTree()),
            Candidate.BuiltIn("Lbfgs", ml => ml.BinaryClassification.Trainers.LbfgsLogisticRegression(new LbfgsLogisticRegressionBinaryTrainer.Options { NumberOfThreads = 1 })),
        ],
        (ml, trainer) => ml.Transforms.Concatenate("Features", BreastCancer.Measurements)
            .Append(ml.Transforms.NormalizeMeanVariance("Features", fixZero: false))
            .AppendCacheCheckpoint(ml)
            .Append(trainer),
        ["AUC", "accuracy", "log-loss"],
        (ml, scored) =>
        {
            var metrics = ml.BinaryClassification.Evaluate(scored);
            return [metrics.AreaUnderRocCurve, metrics.Accuracy, metrics.LogLoss];
        });

    public static DeqBinaryTrainer.Options DeqOptions() => Tuned(new DeqBinaryTrainer.Options { HiddenSize = 32 });

    private static T Tuned<T>(T options) where T : NetworkTrainerOptions
    {
        options.Epochs = 60;
        options.Optimizer = new AdamW();
        options.WeightDecay = 2;
        options.LearningRateSchedule = LearningRateSchedule.Cosine().WithWarmUp(0.05f);
        options.Seed = 1;
        options.Threads = 1;
        return options;
    }
}
