using Microsoft.ML;
using Microsoft.ML.Trainers;

namespace Deq.MLNet.Samples;

/// <summary>Binary classification of the breast cancer data.</summary>
internal static class BreastCancerTask
{
    public static LearningTask<Diagnosis> Full { get; } = new("Breast cancer", BreastCancer.Load,
        [
            Candidate.Network("DEQ", ml => ml.BinaryClassification.Trainers.Deq(Tuned(new DeqBinaryTrainer.Options()))),
            Candidate.Network("FNN", ml => ml.BinaryClassification.Trainers.Fnn(Tuned(new FnnBinaryTrainer.Options()))),
            Candidate.BuiltIn("Sdca", ml => ml.BinaryClassification.Trainers.SdcaLogisticRegression(new SdcaLogisticRegressionBinaryTrainer.Options { NumberOfThreads = 1 })),
            Candidate.BuiltIn("LightGbm", ml => ml.BinaryClassification.Trainers.LightGbm()),
            Candidate.BuiltIn("FastTree", ml => ml.BinaryClassification.Trainers.FastTree()),
            Candidate.BuiltIn("Lbfgs", ml => ml.BinaryClassification.Trainers.LbfgsLogisticRegression()),
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

    private static T Tuned<T>(T options) where T : NetworkTrainerOptions
    {
        options.Epochs = 60;
        options.Optimizer = new AdamW();
        options.WeightDecay = 1;
        options.Seed = 1;
        options.Threads = 1;
        return options;
    }
}
