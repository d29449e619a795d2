using Deq.MLNet.Numerics;

namespace Deq.MLNet.Networks;

/// <summary>A feed-forward network evaluated in float64. Thread safe.</summary>
internal sealed class FnnReference(FnnNetwork network)
{
    private readonly HiddenLayers<double> _hidden = new(network.Layers.SkipLast(1), network.Activation);
    private readonly DenseLayer<double> _last = new(network.Layers[^1].Weights, network.Layers[^1].Bias, Activation.Identity);

    /// <summary>The K outputs of a row, before the link.</summary>
    public double[] EvaluateAffine(ReadOnlySpan<float> x)
    {
        var y = new double[network.OutputSize];
        _last.Apply(_hidden.Apply(Kernels.ToDouble(x), new double[_hidden.ScratchSize]), y);
        return y;
    }
}
