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
            return Linear.Affine(Linear.ToDouble(deq.V.Span), Equilibrium(deq, x), Linear.ToDouble(deq.C.Span));
        }
        var layers = ((FnnNetwork)network).Layers.Select(l => (W: Linear.ToDouble(l.Weights.Span), B: Linear.ToDouble(l.Bias.Span))).ToArray();
        var y = Linear.ToDouble(x);
        foreach (var (w, b) in layers[..^1])
        {
            y = FixedPoint.Cell(w, b, y, network.Activation);
        }
        return Linear.Affine(layers[^1].W, y, layers[^1].B);
    }

    public static double[] Equilibrium(DeqNetwork network, ReadOnlySpan<float> x) => FixedPoint.Of(Linear.ToDouble(network.W.Span), Injection(network, x), network.Activation);

    /// <summary>U x + b.</summary>
    public static double[] Injection(DeqNetwork network, ReadOnlySpan<float> x) => Linear.Affine(Linear.ToDouble(network.U.Span), Linear.ToDouble(x), Linear.ToDouble(network.B.Span));

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
