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
