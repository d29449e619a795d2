using Microsoft.ML;
using Microsoft.ML.Trainers;
using static Microsoft.ML.Transforms.ValueToKeyMappingEstimator;

namespace Deq.MLNet.Samples;

/// <summary>Classification of wines and of handwritten digits.</summary>
internal static class ClassesTask
{
    public static LearningTask<Classification> Wine { get; } = Of("Wine", Samples.Wine.Load,
        new DeqMulticlassTrainer.Options { Epochs = 60, Optimizer = new AdamW(), WeightDecay = 1, Seed = 1, Threads = 1 },
        new FnnMulticlassTrainer.Options { Epochs = 60, Optimizer = new AdamW(), WeightDecay = 1, Seed = 1, Threads = 1 });

    public static LearningTask<Classification> Digits { get; } = Of("Digits", Samples.Digits.Load,
        new DeqMulticlassTrainer.Options { HiddenSize = 96, Epochs = 40, Seed = 1, Threads = 1 },
        new FnnMulticlassTrainer.Options { HiddenSizes = [128], Epochs = 40, Seed = 1, Threads = 1 });

    private static LearningTask<Classification> Of(string name, Func<MLContext, IDataView> load, DeqMulticlassTrainer.Options deq, FnnMulticlassTrainer.Options fnn) =>
        new(name, load,
            [
                Candidate.Network("DEQ", ml => ml.MulticlassClassification.Trainers.Deq(deq)),
                Candidate.Network("FNN", ml => ml.MulticlassClassification.Trainers.Fnn(fnn)),
                Candidate.BuiltIn("Sdca", ml => ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1 })),
                Candidate.BuiltIn("LightGbm", ml => ml.MulticlassClassification.Trainers.LightGbm()),
                Candidate.BuiltIn("Lbfgs", ml => ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy()),
            ],
            (ml, trainer) => ml.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: KeyOrdinality.ByValue)
                .Append(ml.Transforms.NormalizeMeanVariance("Features", fixZero: false))
                .AppendCacheCheckpoint(ml)
                .Append(trainer),
            ["accuracy", "log-loss"],
            (ml, scored) =>
            {
                var metrics = ml.MulticlassClassification.Evaluate(scored);
                return [metrics.MicroAccuracy, metrics.LogLoss];
            });
}
