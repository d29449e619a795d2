using Deq.MLNet.Training;
using Deq.MLNet.Training.Simd;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Tests.Training.Simd;

public sealed class SimdEngineTests
{
    public static TheoryData<string> Losses => [.. LossReference.All.Select(l => l.ToString()!)];

    [Theory]
    [MemberData(nameof(Losses))]
    public void Ten_epochs_are_those_of_the_engine_of_libtorch(string name)
    {
        TorchBackend.EnsureAvailable("cpu");
        var loss = LossReference.All.First(l => l.ToString() == name);
        foreach (var activation in Enum.GetValues<Activation>().Where(a => a != Activation.GELU))
        {
            var outputs = loss is MulticlassLoss ? 3 : 1;
            // 1e-3: no step of a deviance leaves the range where float32 tells the two apart.
            var settings = Setup.Settings(new FnnArchitecture([9, 6], activation, 0)) with
            {
                Loss = loss,
                Outputs = outputs,
                Optimizer = new Sgd(0.5f),
                LearningRate = loss is PoissonLoss or TweedieLoss ? 1e-3 : 1e-2,
                WeightDecay = 1e-3,
                GradientClip = 1,
            };
            var noise = Setup.Noise(150, 4, 1, 3, weighted: true);
            var random = new Random(4);
            var rows = noise with
            {
                Targets = [.. noise.Targets.Select(t => loss switch
                {
                    MulticlassLoss => random.Next(3),
                    BinaryLoss => random.Next(2),
                    PoissonLoss or TweedieLoss => Math.Max(0, t),
                    _ => t,
                })],
            };
            var start = settings.Architecture.Initialize(4, outputs, loss.Link, new bool[4], new Random(5));

            var managed = Train(new SimdEngine(settings, start), settings, rows);
            var native = Train(new TorchEngine(settings, start, "cpu"), settings, rows);

            Setup.RelativeDistance(Linear.ToDouble(managed.Weights), Linear.ToDouble(native.Weights)).Should().BeLessThan(1e-4, "{0} with {1}", loss, activation);
            Setup.RelativeDistance(Linear.ToDouble(managed.Weights), Linear.ToDouble(start.Weights())).Should().BeGreaterThan(1e-2, "it learns");
            foreach (var (one, other) in managed.History.Epochs.Zip(native.History.Epochs))
            {
                one.TrainingLoss.Should().BeApproximately(other.TrainingLoss, 1e-4 * (1 + other.TrainingLoss));
                one.ValidationLoss!.Value.Should().BeApproximately(other.ValidationLoss!.Value, 1e-4 * (1 + other.TrainingLoss));
                one.TrainingMetric.Should().BeApproximately(other.TrainingMetric, 1e-3 * (1 + other.TrainingMetric));
                one.ValidationMetric!.Value.Should().BeApproximately(other.ValidationMetric!.Value, 1e-3 * (1 + other.TrainingMetric));
                (one with { TrainingLoss = 0, ValidationLoss = 0, TrainingMetric = 0, ValidationMetric = 0, Seconds = 0 })
                    .Should().Be(other with { TrainingLoss = 0, ValidationLoss = 0, TrainingMetric = 0, ValidationMetric = 0, Seconds = 0 });
            }
        }
    }

    internal static (float[] Weights, TrainingHistory History) Train(ITrainingEngine engine, TrainingSettings settings, TrainingData rows)
    {
        using (engine)
        {
            var history = new TrainingLoop(settings, 1, new RecordingMonitor()).Run(engine, rows, rows.Select([1, 2, 3, 77]));
            engine.ToNetwork().Weights().Should().Equal(engine.ReadWeights());
            return (engine.ReadWeights(), history);
        }
    }
}
