using CsCheck;
using Deq.MLNet.Networks;

namespace Deq.MLNet.Tests.Networks;

public class FoldTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1e6, 1e-6)]
    [InlineData(1e-6, 1e6)]
    public void A_folded_network_is_the_map_then_the_network_then_the_map(double inputScale, double outputScale) => RandomCell.Within(0.1, 0.9, 16).Sample(cell =>
    {
        var random = new Random(cell.Seed);
        var (input, output) = (Map(random, cell.Inputs, inputScale), Map(random, cell.Outputs, outputScale));
        // Features in units in which the network sees values around 1.
        var x = Linear.ToFloat(cell.X.Select((v, i) => input.Inverse().Apply(i, v)));
        var deq = cell.Network(Activation.Tanh, scoring: new EquilibriumSettings(new Anderson(), new Tolerance(1e-7), 1_000));
        Agree(deq, input, output, x);
        Agree(new FnnNetwork(RandomLayers.Of(random, cell.Inputs, 9, cell.Outputs), Activation.Tanh), input, output, x);
        Agree(new FnnNetwork(RandomLayers.Of(random, cell.Inputs, cell.Outputs), Activation.Tanh), input, output, x);
    }, iter: LongForm.Times(40));

    [Fact]
    public void A_map_and_then_its_inverse_give_the_function_back() => RandomCell.Within(0.1, 0.9, 16).Sample(cell =>
    {
        var random = new Random(cell.Seed);
        var (input, output) = (Map(random, cell.Inputs, 1e3), Map(random, cell.Outputs, 10));
        var network = cell.Network(Activation.Tanh);
        var back = network.Fold(input, output).Fold(input.Inverse(), output.Inverse());
        Distance(network.U, back.U).Should().BeLessThan(1e-6);
        Distance(network.B, back.B).Should().BeLessThan(1e-5);
        Distance(network.V, back.V).Should().BeLessThan(1e-6);
        Distance(network.C, back.C).Should().BeLessThan(1e-5);
        back.W.ToArray().Should().Equal(network.W.ToArray());
        back.Certificate.Should().Be(network.Certificate);

        static double Distance(ReadOnlyMemory<float> a, ReadOnlyMemory<float> b) =>
            Linear.Distance(Linear.ToDouble(a.Span), Linear.ToDouble(b.Span)) / (1 + Linear.Norm(Linear.ToDouble(a.Span)));
    }, iter: LongForm.Times(40));

    [Theory]
    [InlineData(Link.Exp)]
    [InlineData(Link.Logistic)]
    [InlineData(Link.Softmax)]
    public void An_output_map_acts_before_the_link(Link link)
    {
        var cell = new RandomCell(3, 2, 2, 0.5, 1).Fill();
        var map = new AffineMap([2, 1], [0.5, -0.25]);

        var folded = cell.Network(Activation.ReLU, link).Fold(AffineMap.Identity(2), map);

        float[] expected = [.. cell.Network(Activation.ReLU).Evaluate(cell.X).Select((v, i) => (float)map.Apply(i, v))];
        link.Apply<float>(expected);
        folded.Link.Should().Be(link);
        folded.Evaluate(cell.X).LargestDifference(expected).Should().BeLessThan(1e-5);
    }

    [Fact]
    public void Maps_of_a_wrong_size_are_refused()
    {
        var network = new RandomCell(3, 2, 1, 0.5, 1).Fill().Network(Activation.ReLU);
        ((Action)(() => network.Fold(AffineMap.Identity(3), AffineMap.Identity(1)))).Should().Throw<ArgumentException>().WithMessage("The maps are of 3 and 1 values; the network has 2 features and 1 outputs.*");
        ((Action)(() => network.Fold(AffineMap.Identity(2), AffineMap.Identity(2)))).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void A_map_and_its_inverse_undo_each_other()
    {
        var map = new AffineMap([2, -0.5], [3, 7]);
        map.Apply(0, 5).Should().Be(13);
        map.Inverse().Apply(0, 13).Should().Be(5);
        map.Inverse().Apply(1, map.Apply(1, 9)).Should().Be(9);
    }

    private static AffineMap Map(Random random, int size, double scale) =>
        new([.. Enumerable.Range(0, size).Select(_ => scale * (0.5 + random.NextDouble()))], [.. Enumerable.Range(0, size).Select(_ => 2 * random.NextDouble() - 1)]);

    private static void Agree(Network network, AffineMap input, AffineMap output, float[] x)
    {
        var mapped = network.Evaluate(Linear.ToFloat(x.Select((v, i) => input.Apply(i, v))));
        var expected = mapped.Select((v, i) => output.Apply(i, v)).ToArray();
        var folded = network.Fold(input, output);
        // Relative to the terms that are summed, which may cancel: the network's, of about 1 before its output map, and the map's shift.
        var size = Linear.Norm(expected) + Linear.Norm(output.Scale.ToArray()) + Linear.Norm(output.Shift.ToArray());
        Linear.Distance(Linear.ToDouble(folded.Evaluate(x)), expected).Should().BeLessThan(1e-5 * size);
    }
}
