using Deq.MLNet.Errors;
using Deq.MLNet.Networks;

namespace Deq.MLNet;

/// <summary>An affine layer v -> W v + b.</summary>
/// <param name="Weights">W, outputs x inputs, row-major.</param>
/// <param name="Bias">b; its length is the number of outputs.</param>
public sealed record DenseLayer(ReadOnlyMemory<float> Weights, ReadOnlyMemory<float> Bias)
{
    /// <summary>The number of inputs.</summary>
    public int InputSize => Weights.Length / Math.Max(1, Bias.Length);

    /// <summary>The number of outputs.</summary>
    public int OutputSize => Bias.Length;
}

/// <summary>A feed-forward network: affine layers with phi between them, y = link(last layer).</summary>
public sealed class FnnNetwork : Network
{
    private readonly DenseLayer[] _layers;
    private readonly HiddenLayers<float> _hidden;
    private readonly DenseLayer<float> _last;
    private readonly Lazy<FnnReference> _reference;

    /// <summary>Makes a network from its layers, first to last; the arrays are copied.</summary>
    /// <param name="layers">At least one; the last gives the K outputs, phi follows every other.</param>
    /// <param name="activation">phi.</param>
    /// <param name="link">The link; default identity.</param>
    /// <exception cref="ArgumentException">No layer, sizes that do not fit, or a value that is not finite.</exception>
    public FnnNetwork(IReadOnlyList<DenseLayer> layers, Activation activation, Link link = Link.Identity)
        : base(First(layers).InputSize, layers[^1].OutputSize, activation, link)
    {
        DenseLayers.Check(layers, InputSize, nameof(layers));
        _layers = DenseLayers.Copy(layers);
        _hidden = new HiddenLayers<float>(_layers[..^1], activation);
        _last = new DenseLayer<float>(_layers[^1].Weights, _layers[^1].Bias, Activation.Identity);
        _reference = new Lazy<FnnReference>(() => new FnnReference(this));
    }

    /// <summary>The layers, first to last.</summary>
    public IReadOnlyList<DenseLayer> Layers => _layers;

    /// <inheritdoc/>
    public override int ParameterCount => _layers.Sum(l => l.Weights.Length + l.Bias.Length);

    /// <inheritdoc/>
    public override int ScratchSize => _hidden.ScratchSize;

    private protected override void EvaluateCore(ReadOnlySpan<float> x, Span<float> scratch, Span<float> y) => _last.Apply(_hidden.Apply(x, scratch), y);

    private protected override double[] EvaluateAffineFloat64(ReadOnlySpan<float> x) => _reference.Value.EvaluateAffine(x);

    internal override FnnNetwork Fold(AffineMap inputMap, AffineMap outputMap)
    {
        CheckFold(inputMap, outputMap);
        var layers = DenseLayers.FoldBefore(inputMap, _layers);
        var (last, lastBias) = outputMap.FoldAfter(layers[^1].Weights.Span, layers[^1].Bias.Span);
        layers[^1] = new DenseLayer(last, lastBias);
        return new FnnNetwork(layers, Activation, Link);
    }

    private static DenseLayer First(IReadOnlyList<DenseLayer> layers) =>
        Check.NotNull(layers).Count > 0 ? layers[0] : throw new ArgumentException("A network needs at least one layer.", nameof(layers));
}
