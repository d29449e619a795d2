using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;
using Deq.MLNet.Tests.Training;
using Deq.MLNet.Training;

namespace Deq.MLNet.Benchmarks;

/// <summary>A deep equilibrium network with rows to train and to score: ReLU, one output, the 2-norm of W 0.9.</summary>
internal sealed class Problem
{
    public const int DefaultBatchRows = 256;

    /// <summary>Of training, and of scoring where it is compared under the same conditions.</summary>
    public const double Tolerance = 1e-4;

    public const int MaxIterations = 50;

    /// <summary>What W is kept under in training, by whoever keeps a rule.</summary>
    public const double Limit = 0.95;

    /// <summary>So small that the problem stays what it is for <see cref="EpochsFromStart"/>, and large enough that a warm start has something to catch up with.</summary>
    public const double LearningRate = 1e-5;

    /// <summary>After so many epochs whoever trains goes back to the first weights: in the thousands of steps of a measurement the problem would become another.</summary>
    public const int EpochsFromStart = 2;

    /// <summary>Makes a problem.</summary>
    /// <param name="size">d.</param>
    /// <param name="hard">Whether W is near a positive matrix of rank one, so that plain iteration contracts by about its norm where ReLU keeps that piece; else W is Gaussian, and contracts much faster.</param>
    /// <param name="rows">Rows, a multiple of a batch.</param>
    /// <param name="features">n.</param>
    /// <param name="norm">||W||_2.</param>
    public Problem(int size, bool hard, int rows, int features = 16, double norm = 0.9)
    {
        (Size, IsHard) = (size, hard);
        var random = new Random(1);
        var w = RandomCell.Values(random, size * size, 1 / Math.Sqrt(size));
        if (hard)
        {
            w = [.. w.Select(v => v / 4 + 3f / size)];
        }
        // A little less: rounding to float32 must not bring it above.
        var scale = norm * (1 - 1e-6) / SpectralNorm.Of<float>(w, size);
        Weights = new DeqWeights([.. w.Select(v => (float)(v * scale))], RandomCell.Values(random, size * features, 1 / Math.Sqrt(features)),
            RandomCell.Values(random, size, 0.1), RandomCell.Values(random, size, 1 / Math.Sqrt(size)), [0.1f]);
        var x = RandomCell.Values(random, rows * features, 1);
        Data = new TrainingData(features, 1, x, [.. x.Chunk(features).Select(row => row.Sum(MathF.Sin))], null);
        Order = [.. Enumerable.Range(0, rows)];
    }

    public int Size { get; }

    public bool IsHard { get; }

    public string Kind => IsHard ? "hard" : "random";

    public DeqWeights Weights { get; }

    public TrainingData Data { get; }

    /// <summary>The order of rows, as they come.</summary>
    public int[] Order { get; }

    /// <summary>B.</summary>
    public int BatchRows { get; init; } = DefaultBatchRows;

    public int BatchCount => Order.Length / BatchRows;

    /// <summary>A network of these weights, under the rule.</summary>
    public DeqNetwork Network(EquilibriumSettings? scoring = null) =>
        new(Weights, Activation.ReLU, Link.Identity, scoring ?? new EquilibriumSettings(), WellPosedness.Spectral((float)Limit));

    /// <summary>Loss and gradient of the first batch in float64, by the implicit function theorem and LU: minutes beyond some hundred states.</summary>
    public (double Loss, double[] Gradient) Reference()
    {
        var reference = new DeqGradient(Size, Activation.ReLU, Data.Select(Order.AsSpan(0, BatchRows)));
        var parameters = Linear.ToDouble([.. Weights.Arrays.SelectMany(a => a.Values.ToArray())]);
        return (reference.Loss(parameters), reference.Gradient(parameters));
    }

    /// <summary>How it is trained.</summary>
    public TrainingSettings Settings(FixedPointSolver solver, bool warmStart = false, int threads = 1) => new()
    {
        Architecture = new DeqArchitecture(Size, Activation.ReLU, WellPosedness.Spectral((float)Limit), solver, solver, new Tolerance(Tolerance), MaxIterations, new EquilibriumSettings()) { WarmStart = warmStart },
        Loss = RegressionLoss.Squared,
        Epochs = 1,
        BatchSize = BatchRows,
        LearningRate = LearningRate,
        Optimizer = new Adam(),
        Schedule = LearningRateSchedule.Constant,
        Seed = 1,
        Threads = threads,
    };
}
