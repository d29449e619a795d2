using Deq.MLNet.Tests.Training;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>The implicit gradient of random networks against the implicit function theorem solved by LU in float64.</summary>
internal static class Gradients
{
    private const int Networks = 200, Rows = 6, Features = 4;

    /// <summary>The largest ||gradient - exact|| / ||exact||, with solves to 1e-7 in float32 and to 1e-11 in float64.</summary>
    public static double WorstError(ScalarType type)
    {
        var tolerance = new Tolerance(type == ScalarType.Float32 ? 1e-7 : 1e-11);
        var random = new Random(1);
        var worst = 0.0;
        for (var i = 0; i < Networks; i++)
        {
            var activation = Enum.GetValues<Activation>()[i % 6];
            var size = random.Next(1, 65);
            var cell = new RandomCell(size, Features, 1, (0.05 + 0.85 * random.NextDouble()) / Phi.Lipschitz(activation), i).Fill();
            var rows = new TrainingData(Features, 1, RandomCell.Values(random, Rows * Features, 1), RandomCell.Values(random, Rows, 1), null);
            var network = cell.Network(activation);
            var reference = new DeqGradient(size, activation, rows);
            var parameters = Linear.ToDouble(network.Weights());
            if (reference.NearestKink(parameters) < 1e-5)
            {
                // Float32 may see another side of the kink, where the gradient is another.
                continue;
            }
            var architecture = new DeqArchitecture(size, activation, WellPosedness.None, new Picard(), new Picard(), tolerance, 1_000, new EquilibriumSettings());
            using var engine = new TorchEngine(SettingsOf(architecture), network, TensorPlace.On("cpu", type));
            engine.Attach(rows);
            var exact = reference.Gradient(parameters);
            worst = Math.Max(worst, Linear.Distance(engine.Gradient([0, 1, 2, 3, 4, 5]), exact) / Linear.Norm(exact));
        }
        return worst;
    }

    public static TrainingSettings SettingsOf(DeqArchitecture architecture, double learningRate = 1e-2) => new()
    {
        Architecture = architecture,
        Loss = RegressionLoss.Squared,
        Epochs = 1,
        BatchSize = 32,
        LearningRate = learningRate,
        Optimizer = new Adam(),
        Schedule = LearningRateSchedule.Constant,
        Seed = 1,
        Threads = 1,
    };
}
