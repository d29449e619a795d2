using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using AnyArchitecture = Deq.MLNet.Training.Architecture;

namespace Deq.MLNet.Tests.Training;

/// <summary>Settings, rows and networks that tests of training vary.</summary>
internal static class Setup
{
    public static DeqArchitecture Deq(int size, Activation activation = Activation.Tanh, WellPosedness? rule = null, FixedPointSolver? solver = null,
        FixedPointSolver? gradientSolver = null, double tolerance = 1e-4, int maxIterations = 200, float dropout = 0) =>
        new(size, activation, rule ?? WellPosedness.Spectral(), solver ?? new Picard(), gradientSolver ?? solver ?? new Picard(), new Tolerance(tolerance),
            maxIterations, new EquilibriumSettings(), dropout);

    public static FnnArchitecture Fnn(params int[] sizes) => new(sizes, Activation.Tanh, 0);

    public static TrainingSettings Settings(AnyArchitecture architecture) => new()
    {
        Architecture = architecture,
        Loss = RegressionLoss.Squared,
        Epochs = 10,
        BatchSize = 32,
        LearningRate = 1e-2,
        Optimizer = new Adam(),
        Schedule = LearningRateSchedule.Constant,
        Seed = 1,
        Threads = 1,
    };

    /// <summary>Gaussian features, and targets that are Gaussian too.</summary>
    public static TrainingData Noise(int rows, int features, int outputs, int seed, bool weighted = false)
    {
        var random = new Random(seed);
        var weights = weighted ? RandomCell.Values(random, rows, 1).Select(w => 0.1f + Math.Abs(w)).ToArray() : null;
        return new TrainingData(features, outputs, RandomCell.Values(random, rows * features, 1), RandomCell.Values(random, rows * outputs, 1), weights);
    }

    /// <summary>y = sin(x0) + x1 x2 of Gaussian features, or what is asked for instead.</summary>
    public static TrainingData Smooth(int rows, int seed, Func<float, float>? feature = null, Func<float, float>? label = null, bool weighted = false)
    {
        var noise = Noise(rows, 3, 1, seed, weighted);
        var x = noise.Features;
        var y = Enumerable.Range(0, rows).Select(r => MathF.Sin(x[3 * r]) + x[3 * r + 1] * x[3 * r + 2]);
        return noise with { Features = [.. x.Select(feature ?? (v => v))], Targets = [.. y.Select(label ?? (v => v))] };
    }

    public static TrainedNetwork Fit(TrainingSettings settings, TrainingData data, string device = "cpu", TrainingData? validation = null,
        Network? initial = null, ITrainingMonitor? monitor = null)
    {
        TorchBackend.EnsureAvailable(device);
        return NetworkTraining.Fit(settings, (scaled, start) => new TorchEngine(scaled, start, device), Copy(data), validation is null ? null : Copy(validation), initial, monitor ?? new RecordingMonitor());
    }

    /// <summary>Training makes the rows it is given its own.</summary>
    public static TrainingData Copy(TrainingData data) => data.Select([.. Enumerable.Range(0, data.Rows)]);

    public static float[] Outputs(Network network, TrainingData data) => [.. Enumerable.Range(0, data.Rows).SelectMany(row => network.Evaluate(data.Row(row).Span))];

    /// <summary>1 - mean squared error / variance.</summary>
    public static double RSquared(Network network, TrainingData data)
    {
        var mean = data.Targets.Average(t => (double)t);
        var error = Outputs(network, data).Zip(data.Targets, (y, t) => ((double)y - t) * ((double)y - t)).Sum();
        return 1 - error / data.Targets.Sum(t => (t - mean) * (t - mean));
    }

    /// <summary>||x - y|| / ||y||.</summary>
    public static double RelativeDistance(IEnumerable<double> x, IReadOnlyCollection<double> y) => Linear.Distance(x, y) / Linear.Norm(y);
}

/// <summary>Keeps what it is told, and throws at a batch if asked to.</summary>
internal sealed class RecordingMonitor(int cancelAtBatch = int.MaxValue) : ITrainingMonitor
{
    private int _batches;

    public List<TrainingEpoch> Epochs { get; } = [];

    public List<string> Infos { get; } = [];

    public List<string> Warnings { get; } = [];

    public void CheckCancelled()
    {
        if (_batches++ == cancelAtBatch)
        {
            throw new OperationCanceledException();
        }
    }

    public void EpochDone(TrainingEpoch epoch) => Epochs.Add(epoch);

    public void Info(string message) => Infos.Add(message);

    public void Warn(string message) => Warnings.Add(message);
}
