using CsCheck;

namespace Deq.MLNet.Tests.Networks;

public class FnnNetworkTests
{
    [Fact]
    public void Evaluate_agrees_with_float64() => Gen.Select(Gen.Int[1, 40].Array[2, 5], Gen.Int[0, 100_000], Gen.Enum<Activation>()).Sample((sizes, seed, activation) =>
    {
        var random = new Random(seed);
        var layers = RandomLayers.Of(random, sizes);
        var x = RandomCell.Values(random, sizes[0], 1);
        var network = new FnnNetwork(layers, activation);
        var expected = Float64.EvaluateAffine(network, x);
        Linear.Distance(Linear.ToDouble(network.Evaluate(x, scratchContent: float.NaN)), expected).Should().BeLessThan(1e-5 * (1 + Linear.Norm(expected)));
        network.ParameterCount.Should().Be(layers.Sum(l => l.Weights.Length + l.Bias.Length));
    });

    [Fact]
    public void Layers_that_do_not_fit_are_refused_by_number()
    {
        Refused([], "A network needs at least one layer.*");
        Refused([new DenseLayer(new float[6], new float[2]), new DenseLayer(new float[3], new float[1])], "Layer 1 has 3 weights and 1 outputs; with 2 inputs it needs 2 weights.*");
        Refused([new DenseLayer(new float[5], new float[2])], "Layer 0 has 5 weights and 2 outputs; with 2 inputs it needs 4 weights.*");
        Refused([new DenseLayer(new float[5], Array.Empty<float>()), new DenseLayer(new float[5], new float[1])], "Layer 0 has 5 weights and 0 outputs*");
        Refused([new DenseLayer(new float[2], new float[1]), new DenseLayer(Array.Empty<float>(), Array.Empty<float>())], "outputSize is 0*");
        Refused([new DenseLayer(Array.Empty<float>(), new float[2])], "inputSize is 0*");
        Refused([new DenseLayer(new float[] { 1, float.NaN }, new float[1])], "Layer 0 holds a value that is not finite.*");
        Refused([new DenseLayer(new float[2], new float[1]), new DenseLayer(new float[1], new[] { float.NegativeInfinity })], "Layer 1 holds a value that is not finite.*");
        var none = () => new FnnNetwork(null!, Activation.ReLU);
        none.Should().Throw<ArgumentNullException>().Which.ParamName.Should().Be("layers");
    }

    [Fact]
    public void The_arrays_are_copied()
    {
        float[] w = [2, 3], b = [1];
        var network = new FnnNetwork([new DenseLayer(w, b)], Activation.ReLU);
        (w[0], b[0]) = (100, 100);
        network.Evaluate([1f, 1f]).Should().Equal(6);
    }

    private static void Refused(DenseLayer[] layers, string message)
    {
        var make = () => new FnnNetwork(layers, Activation.ReLU);
        make.Should().Throw<ArgumentException>().WithMessage(message);
    }
}
