using Deq.MLNet.Training;
using AnyArchitecture = Deq.MLNet.Training.Architecture;

namespace Deq.MLNet.Tests.Training;

public sealed class ArchitectureTests
{
    [Theory]
    [InlineData(8, 0.9f)]
    [InlineData(64, 0.9f)]
    [InlineData(64, 0.3f)]
    public void W_starts_with_about_half_the_norm_that_its_rule_allows(int size, float bound)
    {
        var network = (DeqNetwork)Setup.Deq(size, rule: WellPosedness.Spectral(bound)).Initialize(4, 1, Link.Identity, new bool[4], new Random(1));

        Linear.SingularValues(Linear.ToDouble(network.W.Span), size)[0].Should().BeInRange(0.35 * bound, 0.65 * bound);
        network.Certificate.RuleHolds.Should().BeTrue();
    }

    [Theory]
    [InlineData("InfinityNorm", 0f)]
    [InlineData("InfinityNorm", 0.4f)]
    [InlineData("Perron", 0f)]
    [InlineData("Perron", 0.4f)]
    [InlineData("Diagonal", 0f)]
    [InlineData("Diagonal", 0.4f)]
    [InlineData("StrictlyTriangular", 0f)]
    [InlineData("Monotone", 0f)]
    public void W_starts_within_its_rule_and_not_at_zero(string name, float dropout)
    {
        var rule = RuleReference.Named(name);
        foreach (var size in new[] { 8, 64 })
        {
            var architecture = Setup.Deq(size, name == "Monotone" ? Activation.ReLU : Activation.Tanh, rule, dropout: dropout);
            var network = (DeqNetwork)architecture.Initialize(4, 1, Link.Identity, new bool[4], new Random(1));
            var w = Linear.ToDouble(network.W.Span);

            // What of a monotone W lies above its bound is the rounding of float32, and projected where training begins.
            RuleReference.Excess(rule, w, size, Activation.Tanh, 1 - (double)dropout).Should().BeLessThanOrEqualTo(name == "Monotone" ? 1e-6 : 0);
            var share = rule.Bound is { } bound ? network.Certificate.ContractionFactor / (bound * (1 - (double)dropout)) : 0.5;
            share.Should().BeInRange(0.3, 0.8);
            Linear.SingularValues(w, size)[0].Should().BeInRange(0.05, 3);
            if (name != "Monotone")
            {
                architecture.Keeps(network).Should().BeTrue();
            }
            w.Where((_, i) => i % size < i / size || name == "Diagonal" && i % (size + 1) == 0).Count(v => v != 0).Should().BeGreaterThanOrEqualTo(name == "Diagonal" ? size : size * (size - 1) / 2);
        }
    }

    [Fact]
    public void Whether_a_network_keeps_the_rule_is_asked_of_the_rule_of_the_training()
    {
        var wide = new DeqNetwork([0.5f, 0.5f, 0, 0.5f], [1, 0], [0, 0], [1, 1], [0], Activation.Tanh);
        bool Keeps(WellPosedness rule, float dropout = 0) => Setup.Deq(2, rule: rule, dropout: dropout).Keeps(wide);

        (Keeps(WellPosedness.None), Keeps(WellPosedness.Spectral()), Keeps(WellPosedness.InfinityNorm(0.9f)), Keeps(WellPosedness.Perron(0.6f))).Should().Be((true, true, false, true));
        (Keeps(WellPosedness.Diagonal()), Keeps(WellPosedness.StrictlyTriangular), Keeps(WellPosedness.Monotone(0.2f)), Keeps(WellPosedness.Monotone(0.5f))).Should().Be((false, false, true, false));
        (Keeps(WellPosedness.Spectral(), 0.05f), Keeps(WellPosedness.Spectral(), 0.2f), Keeps(WellPosedness.None, 0.9f)).Should().Be((true, false, true));
    }

    [Fact]
    public void Layers_start_with_the_deviation_that_keeps_the_signal()
    {
        var network = (FnnNetwork)new FnnArchitecture([200, 200], Activation.ReLU, 0).Initialize(50, 1, Link.Identity, new bool[50], new Random(1));

        double Deviation(int layer) => Math.Sqrt(network.Layers[layer].Weights.ToArray().Average(w => (double)w * w));
        Deviation(0).Should().BeApproximately(Math.Sqrt(2.0 / 50), 0.01);
        Deviation(1).Should().BeApproximately(Math.Sqrt(2.0 / 200), 0.003);
        network.Layers.Should().OnlyContain(l => l.Bias.ToArray().All(b => b == 0));
    }

    [Fact]
    public void Weights_on_constant_features_start_at_zero_also_in_a_linear_network()
    {
        foreach (var architecture in new AnyArchitecture[] { Setup.Deq(6), Setup.Fnn(6), Setup.Fnn() })
        {
            var network = architecture.Initialize(3, 2, Link.Identity, [false, true, false], new Random(1));
            var first = (network as DeqNetwork)?.U ?? ((FnnNetwork)network).Layers[0].Weights;
            first.ToArray().Select((w, i) => (w == 0) == (i % 3 == 1)).Should().OnlyContain(asExpected => asExpected);
        }
    }
}
