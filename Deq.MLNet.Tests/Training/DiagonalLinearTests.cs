using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using TorchSharp;

namespace Deq.MLNet.Tests.Training;

/// <summary>
/// The gradient flow of z = diag(w) z + diag(u) x, y = sum z: with beta = u / (1 - w) it conserves u^2 + (1 - w)^2, state by state, and from w = 0, u = 0 it converges to the interpolator
/// of least sum beta arctan(beta). Its condition: arctan(beta) + beta / (1 + beta^2) is a combination of the rows.
/// </summary>
public sealed class DiagonalLinearTests
{
    private const int Features = 7, Rows = 3;

    [Fact]
    public void Training_is_the_gradient_flow_up_to_its_rate()
    {
        var (coarse, fine) = (Flow(0.04f, 400), Flow(0.01f, 1600));

        foreach (var (flow, rate) in new[] { (coarse, 0.04), (fine, 0.01) })
        {
            flow.Invariants.Should().OnlyContain(v => Math.Abs(v - 1) < 2 * rate);
            flow.Loss.Should().BeLessThan(1e-8);
            flow.Optimality.Should().BeLessThan(2 * rate);
        }
        fine.Invariants.Max(v => Math.Abs(v - 1)).Should().BeLessThan(0.5 * coarse.Invariants.Max(v => Math.Abs(v - 1)));
        fine.Optimality.Should().BeLessThan(0.5 * coarse.Optimality);
        // The interpolator of least norm is another.
        fine.OfLeastNorm.Should().BeGreaterThan(10 * fine.Optimality);
    }

    [Theory, OnDevices]
    public void Only_the_diagonals_move_whatever_the_optimizer(string device)
    {
        var start = new DeqNetwork([0.2f, 0, 0, 0.1f], [0.5f, 0, 0, -0.5f], [0.25f, -0.5f], [2, 3], [0.75f], Activation.Identity);
        foreach (var optimizer in new Optimizer[] { new Adam(), new AdamW(), new Sgd(0.9f) })
        {
            var settings = Setup.Settings(Architecture()) with { Optimizer = optimizer, WeightDecay = 0.1, GradientClip = 10 };
            using var engine = new TorchEngine(settings, start, TorchBackend.EnsureAvailable(device));
            engine.Attach(Setup.Noise(10, 2, 1, 3));
            engine.Step([0, 1, 2, 3, 4], 0.01);
            engine.Step([5, 6, 7, 8, 9], 0.01);

            var network = (DeqNetwork)engine.ToNetwork();
            network.IsDiagonalLinear.Should().BeTrue();
            (network.B.ToArray(), network.V.ToArray(), network.C.ToArray()).Should().BeEquivalentTo((start.B.ToArray(), start.V.ToArray(), start.C.ToArray()));
            network.W.ToArray().Zip(start.W.ToArray()).Where((_, i) => i % 3 == 0).Should().OnlyContain(p => p.First != p.Second);
            network.U.ToArray().Zip(start.U.ToArray()).Where((_, i) => i % 3 == 0).Should().OnlyContain(p => p.First != p.Second);
        }
    }

    [Fact]
    public void Scaled_features_and_labels_are_folded_into_a_network_that_stays_diagonal()
    {
        var noise = Setup.Noise(200, 3, 1, 8);
        var data = noise with
        {
            Features = [.. noise.Features.Select((v, i) => 10 * v + i % 3)],
            Targets = [.. Enumerable.Range(0, 200).Select(r => 50 + 20 * noise.Features[3 * r] - 30 * noise.Features[3 * r + 1])],
        };
        var network = (DeqNetwork)Setup.Fit(Setup.Settings(Architecture()) with { Epochs = 60 }, data).Network;

        network.IsDiagonalLinear.Should().BeTrue();
        network.LinearCoefficients().LargestDifference([2, -3, 0]).Should().BeLessThan(0.01);
        Setup.RSquared(network, data).Should().BeGreaterThan(0.999);
    }

    private static (double[] Invariants, double Loss, double Optimality, double OfLeastNorm) Flow(float rate, int steps)
    {
        var random = new Random(4);
        float[] x = RandomCell.Values(random, Rows * Features, 1), y = [1.5f, -1, 2];
        var settings = Setup.Settings(Architecture()) with { Optimizer = new Sgd() };
        using var engine = new TorchEngine(settings, DeqNetwork.DiagonalLinear(new float[Features], new float[Features]), TensorPlace.On(TorchBackend.EnsureAvailable(), torch.ScalarType.Float64));
        var data = new TrainingData(Features, 1, x, y, null);
        engine.Attach(data);
        for (var step = 0; step < steps; step++)
        {
            engine.Step([0, 1, 2], rate);
        }
        var network = (DeqNetwork)engine.ToNetwork();
        var diagonal = Enumerable.Range(0, Features).Select(i => i * (Features + 1));
        double[] invariants = [.. diagonal.Select(i => Math.Pow(network.U.Span[i], 2) + Math.Pow(1 - (double)network.W.Span[i], 2))];
        var rows = Linear.ToDouble(x);
        return (invariants, engine.Evaluate(data, () => { }).Loss, OffTheRows(rows, network.LinearCoefficients()), OffTheRows(rows, LeastNorm(rows, Linear.ToDouble(y))));
    }

    /// <summary>The share of arctan(beta) + beta / (1 + beta^2) that no combination of the rows gives.</summary>
    private static double OffTheRows(double[] x, double[] beta)
    {
        var q = beta.Select(b => Math.Atan(b) + b / (1 + b * b)).ToArray();
        var along = LeastNorm(x, [.. Enumerable.Range(0, Rows).Select(r => q.Select((v, i) => v * x[r * Features + i]).Sum())]);
        return Linear.Distance(q, along) / Linear.Norm(q);
    }

    /// <summary>X' (X X')^-1 y.</summary>
    private static double[] LeastNorm(double[] x, double[] y)
    {
        var gram = Enumerable.Range(0, Rows * Rows).Select(i => Enumerable.Range(0, Features).Sum(k => x[i / Rows * Features + k] * x[i % Rows * Features + k])).ToArray();
        var factors = Linear.Solve(gram, y);
        return [.. Enumerable.Range(0, Features).Select(i => factors.Select((f, r) => f * x[r * Features + i]).Sum())];
    }

    private static DeqArchitecture Architecture() => Setup.Deq(1, Activation.Identity, WellPosedness.None, tolerance: 1e-11, maxIterations: 1000) with { Cell = DeqCell.DiagonalLinear };
}
