namespace Deq.MLNet.Tests.References;

/// <summary>Networks evaluated in float64, written plainly and apart from the library.</summary>
internal static class Float64
{
    /// <summary>The outputs of one row.</summary>
    public static double[] Evaluate(Network network, ReadOnlySpan<float> x) => Apply(network.Link, EvaluateAffine(network, x));

    /// <summary>The same before the link.</summary>
    public static double[] EvaluateAffine(Network network, ReadOnlySpan<float> x)
    {
        if (network is DeqNetwork deq)
        {
            return Read(deq, x, Equilibrium(deq, x));
        }
        var layers = ((FnnNetwork)network).Layers;
        return Layer(layers[^1], Hidden(layers.SkipLast(1), network.Activation, Linear.ToDouble(x)));
    }

    public static double[] Equilibrium(DeqNetwork network, ReadOnlySpan<float> x) => Cell(network, x).Equilibrium() ?? throw new InvalidOperationException("The equilibrium was not found.");

    /// <summary>V z + S x + c.</summary>
    public static double[] Read(DeqNetwork network, ReadOnlySpan<float> x, double[] z)
    {
        var read = Linear.Affine(Linear.ToDouble(network.V.Span), z, Linear.ToDouble(network.C.Span));
        return network.S.IsEmpty ? read : Linear.Affine(Linear.ToDouble(network.S.Span), Linear.ToDouble(x), read);
    }

    /// <summary>The cell of one row.</summary>
    public static Float64Cell Cell(DeqNetwork network, ReadOnlySpan<float> x) => network.Gain.IsEmpty
        ? new Float64Cell(Linear.ToDouble(network.W.Span), Injection(network, x), network.Activation)
        : new Float64Cell(Linear.ToDouble(network.W.Span), Injection(network, x), network.Activation, Linear.ToDouble(network.Gain.Span), Linear.ToDouble(network.Shift.Span));

    /// <summary>U e(x) + b.</summary>
    public static double[] Injection(DeqNetwork network, ReadOnlySpan<float> x) =>
        Linear.Affine(Linear.ToDouble(network.U.Span), Hidden(network.Encoder, network.Activation, Linear.ToDouble(x)), Linear.ToDouble(network.B.Span));

    private static double[] Hidden(IEnumerable<DenseLayer> layers, Activation activation, double[] x) =>
        layers.Aggregate(x, (y, layer) => [.. Layer(layer, y).Select(v => Phi.Of(activation, v))]);

    private static double[] Layer(DenseLayer layer, double[] x) => Linear.Affine(Linear.ToDouble(layer.Weights.Span), x, Linear.ToDouble(layer.Bias.Span));

    public static double[] Apply(Link link, double[] y) => link switch
    {
        Link.Exp => [.. y.Select(Math.Exp)],
        Link.Logistic => [.. y.Select(Logistic)],
        Link.Softmax => Softmax(y),
        _ => y,
    };

    public static double Logistic(double v) => 1 / (1 + Math.Exp(-v));

    public static double[] Softmax(double[] y)
    {
        var powers = y.Select(v => Math.Exp(v - y.Max())).ToArray();
        return [.. powers.Select(v => v / powers.Sum())];
    }
}
