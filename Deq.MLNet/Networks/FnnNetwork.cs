using Deq.MLNet.Errors;
using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;

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
    private readonly int _widest;

    /// <summary>Makes a network from its layers, first to last; the arrays are copied.</summary>
    /// <param name="layers">At least one; the last gives the K outputs, phi follows every other.</param>
    /// <param name="activation">phi.</param>
    /// <param name="link">The link; default identity.</param>
    /// <exception cref="ArgumentException">No layer, sizes that do not fit, or a value that is not finite.</exception>
    public FnnNetwork(IReadOnlyList<DenseLayer> layers, Activation activation, Link link = Link.Identity)
        : base(First(layers).InputSize, layers[^1].OutputSize, activation, link)
    {
        var inputs = InputSize;
        for (var i = 0; i < layers.Count; i++)
        {
            var layer = layers[i];
            if (layer.OutputSize < 1 || layer.Weights.Length != (long)inputs * layer.OutputSize)
            {
                throw new ArgumentException($"Layer {i} has {layer.Weights.Length} weights and {layer.OutputSize} outputs; with {inputs} inputs it needs {(long)inputs * layer.OutputSize} weights.", nameof(layers));
            }
            if (!Kernels.AllFinite(layer.Weights.Span) || !Kernels.AllFinite(layer.Bias.Span))
            {
                throw new ArgumentException($"Layer {i} holds a value that is not finite.", nameof(layers));
            }
            inputs = layer.OutputSize;
        }
        _layers = [.. layers.Select(l => new DenseLayer(l.Weights.ToArray(), l.Bias.ToArray()))];
        _widest = layers.Max(l => l.OutputSize);
    }

    /// <summary>The layers, first to last.</summary>
    public IReadOnlyList<DenseLayer> Layers => _layers;

    /// <inheritdoc/>
    public override int ParameterCount => _layers.Sum(l => l.Weights.Length + l.Bias.Length);

    /// <inheritdoc/>
    public override int ScratchSize => checked(2 * _widest);

    private protected override void EvaluateCore(ReadOnlySpan<float> x, Span<float> scratch, Span<float> y)
    {
        for (var i = 0; i < _layers.Length - 1; i++)
        {
            // Two halves of the scratch take turns: a layer reads the one that the layer before it wrote.
            var layer = _layers[i];
            var hidden = scratch.Slice(i % 2 * _widest, layer.OutputSize);
            Kernels.Affine(layer.Weights.Span, x, layer.Bias.Span, hidden);
            Activation.Apply(hidden);
            x = hidden;
        }
        var last = _layers[^1];
        Kernels.Affine(last.Weights.Span, x, last.Bias.Span, y);
    }

    internal override FnnNetwork Fold(AffineMap inputMap, AffineMap outputMap)
    {
        CheckFold(inputMap, outputMap);
        var layers = _layers.ToArray();
        var (first, firstBias) = inputMap.FoldBefore(layers[0].Weights.Span, layers[0].Bias.Span);
        layers[0] = new DenseLayer(first, firstBias);
        var (last, lastBias) = outputMap.FoldAfter(layers[^1].Weights.Span, layers[^1].Bias.Span);
        layers[^1] = new DenseLayer(last, lastBias);
        return new FnnNetwork(layers, Activation, Link);
    }

    private static DenseLayer First(IReadOnlyList<DenseLayer> layers) =>
        Check.NotNull(layers).Count > 0 ? layers[0] : throw new ArgumentException("A network needs at least one layer.", nameof(layers));
}
