using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples.Commands;

/// <summary>A trainer that takes part in the comparison.</summary>
/// <param name="Name">As the table shows it.</param>
/// <param name="IsNetwork">Whether it is one of this library's.</param>
/// <param name="MakeTrainer">Makes the trainer; a network calls back after every epoch.</param>
internal sealed record Candidate(string Name, bool IsNetwork, Func<MLContext, Action<TrainingEpoch>?, IEstimator<ITransformer>> MakeTrainer);

/// <summary>The trainers, and the pipeline that each of them ends.</summary>
internal static class Candidates
{
    public const int Epochs = 60;

    // 442 rows of noisy data ask for strong decay: without any the networks learn the training rows by heart (R² .41 and .22).
    // Decay (0.7 to 5) and epochs (60, 100) were chosen on the folds of split seed 1; the comparison runs on other seeds.
    private const float WeightDecay = 3;

    public static IReadOnlyList<Candidate> All { get; } =
    [
        new("DEQ", true, Deq),
        new("FNN", true, Fnn),
        new("Sdca", false, (ml, _) => ml.Regression.Trainers.Sdca()),
        new("LightGbm", false, (ml, _) => ml.Regression.Trainers.LightGbm()),
    ];

    public static EstimatorChain<T> Pipeline<T>(MLContext ml, IEstimator<T> trainer) where T : class, ITransformer =>
        ml.Transforms.Concatenate("Features", Diabetes.Measurements)
            .Append(ml.Transforms.NormalizeMeanVariance("Features"))
            .Append(trainer);

    public static DeqRegressionTrainer Deq(MLContext ml, Action<TrainingEpoch>? onEpoch) =>
        ml.Regression.Trainers.Deq(Tuned(new DeqRegressionTrainer.Options(), onEpoch));

    private static FnnRegressionTrainer Fnn(MLContext ml, Action<TrainingEpoch>? onEpoch) =>
        ml.Regression.Trainers.Fnn(Tuned(new FnnRegressionTrainer.Options(), onEpoch));

    private static T Tuned<T>(T options, Action<TrainingEpoch>? onEpoch) where T : NetworkTrainerOptions
    {
        options.Epochs = Epochs;
        options.Optimizer = new AdamW();
        options.WeightDecay = WeightDecay;
        options.Seed = 1;
        options.OnEpoch = onEpoch;
        return options;
    }
}
