using Microsoft.ML;
using Microsoft.ML.Trainers;
using static Microsoft.ML.Transforms.ValueToKeyMappingEstimator;

namespace Deq.MLNet.Samples;

/// <summary>Classification of wines and of handwritten digits.</summary>
internal static class ClassesTask
{
    // Tuned on the folds of split seeds 101 to 105, by accuracy and, where that is alike, by log-loss: sizes (16 to 256), activation, decay (0.1 to 10), learning rate (5e-4 to 1e-2),
    // batch size (8 to 150), epochs (30 to 100), schedule, label smoothing (0 to 0.2), the DEQ's spectral bound (0.2, 0.5, 0.9) and the FNN's depth and dropout (0 to 0.5).
    public static LearningTask<Classification> Wine { get; } = Of("Wine", Samples.Wine.Load,
        WineDeqOptions(),
        Tuned(new FnnMulticlassTrainer.Options { BatchSize = 64 }, epochs: 60, learningRate: 2e-3f, weightDecay: 1));

    // Tuned on the folds of split seed 1: size (64 to 256), decay (0 to 3), learning rate (1e-3 to 4e-3), epochs (20 to 60), schedule and label smoothing (0, 0.1, 0.2);
    // of the DEQ also activation, spectral bound (0.6, 0.9, 0.95) and batch size (16, 32), of the FNN dropout (0, 0.2, 0.3).
    // Smoothing helped accuracy most, by 0.01; it costs log-loss, as the probabilities no longer go to 0 and 1.
    public static LearningTask<Classification> Digits { get; } = Of("Digits", Samples.Digits.Load,
        DigitsDeqOptions(),
        Tuned(new FnnMulticlassTrainer.Options { HiddenSizes = [256, 256], Loss = MulticlassLoss.CrossEntropy(labelSmoothing: 0.1f) }, epochs: 40, learningRate: 2e-3f, weightDecay: 0.3f));

    public static DeqMulticlassTrainer.Options WineDeqOptions() => Tuned(new DeqMulticlassTrainer.Options
    {
        Activation = Activation.Tanh,
        WellPosedness = WellPosedness.Spectral(0.5f),
        Loss = MulticlassLoss.CrossEntropy(labelSmoothing: 0.1f),
        BatchSize = 16,
    }, epochs: 60, learningRate: 2e-3f, weightDecay: 3);

    public static DeqMulticlassTrainer.Options DigitsDeqOptions() =>
        Tuned(new DeqMulticlassTrainer.Options { HiddenSize = 128, Loss = MulticlassLoss.CrossEntropy(labelSmoothing: 0.1f) }, epochs: 40, learningRate: 2e-3f, weightDecay: 0.3f);

    private static LearningTask<Classification> Of(string name, Func<MLContext, IDataView> load, DeqMulticlassTrainer.Options deq, FnnMulticlassTrainer.Options fnn) =>
        new(name, load,
            [
                Candidate.Network("DEQ", ml => ml.MulticlassClassification.Trainers.Deq(deq)),
                Candidate.Network("FNN", ml => ml.MulticlassClassification.Trainers.Fnn(fnn)),
                Candidate.BuiltIn("Sdca", ml => ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1 })),
                Candidate.BuiltIn("LightGbm", ml => ml.MulticlassClassification.Trainers.LightGbm()),
                Candidate.BuiltIn("Lbfgs", ml => ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy(new LbfgsMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1 })),
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

    private static T Tuned<T>(T options, int epochs, float learningRate, float weightDecay) where T : NetworkTrainerOptions
    {
        options.Epochs = epochs;
        options.LearningRate = learningRate;
        options.LearningRateSchedule = LearningRateSchedule.Cosine().WithWarmUp(0.05f);
        options.Optimizer = new AdamW();
        options.WeightDecay = weightDecay;
        options.Seed = 1;
        options.Threads = 1;
        return options;
    }
}
