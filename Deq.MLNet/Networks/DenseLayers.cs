using System.Numerics;
using Deq.MLNet.Equilibrium;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Networks;

/// <summary>What chains of layers have in common.</summary>
internal static class DenseLayers
{
    /// <summary>Throws where the sizes of layers do not fit one another or a value is not finite.</summary>
    public static void Check(IReadOnlyList<DenseLayer> layers, int inputs, string name)
    {
        for (var i = 0; i < layers.Count; i++)
        {
            var layer = layers[i];
            if (layer.OutputSize < 1 || layer.Weights.Length != (long)inputs * layer.OutputSize)
            {
                throw new ArgumentException($"Layer {i} has {layer.Weights.Length} weights and {layer.OutputSize} outputs; with {inputs} inputs it needs {(long)inputs * layer.OutputSize} weights.", name);
            }
            if (!Kernels.AllFinite(layer.Weights.Span) || !Kernels.AllFinite(layer.Bias.Span))
            {
                throw new ArgumentException($"Layer {i} holds a value that is not finite.", name);
            }
            inputs = layer.OutputSize;
        }
    }

    public static DenseLayer[] Copy(IEnumerable<DenseLayer> layers) => [.. layers.Select(l => new DenseLayer(l.Weights.ToArray(), l.Bias.ToArray()))];

    /// <summary>The layers of x -> layers(map(x)).</summary>
    public static DenseLayer[] FoldBefore(AffineMap map, IEnumerable<DenseLayer> layers)
    {
        DenseLayer[] folded = [.. layers];
        var (weights, bias) = map.FoldBefore(folded[0].Weights.Span, folded[0].Bias.Span);
        folded[0] = new DenseLayer(weights, bias);
        return folded;
    }

    /// <summary>The numbers as they are in float32, or in another type.</summary>
    public static ReadOnlyMemory<T> As<T>(ReadOnlyMemory<float> values) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (typeof(T) == typeof(float))
        {
            return (ReadOnlyMemory<T>)(object)values;
        }
        var converted = new T[values.Length];
        for (var i = 0; i < converted.Length; i++)
        {
            converted[i] = T.CreateChecked(values.Span[i]);
        }
        return converted;
    }
}

/// <summary>x -> phi(A x + b) of one row.</summary>
internal sealed class DenseLayer<T>(ReadOnlyMemory<float> weights, ReadOnlyMemory<float> bias, Activation activation) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ReadOnlyMemory<T> _bias = DenseLayers.As<T>(bias);
    private readonly DenseRow<T> _map = DenseRow<T>.Create(DenseLayers.As<T>(weights), bias.Length, activation);

    public int OutputSize => _bias.Length;

    public void Apply(ReadOnlySpan<T> x, Span<T> y) => _map.Apply(x, _bias.Span, y);
}

/// <summary>Layers with phi after each, one row at a time.</summary>
internal sealed class HiddenLayers<T>(IEnumerable<DenseLayer> layers, Activation activation) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly DenseLayer<T>[] _layers = [.. layers.Select(l => new DenseLayer<T>(l.Weights, l.Bias, activation))];
    private readonly int _widest = layers.Select(l => l.OutputSize).DefaultIfEmpty(0).Max();

    /// <summary>The scratch that a row needs, in values.</summary>
    public int ScratchSize => checked(2 * _widest);

    /// <summary>What the last layer gives: a part of the scratch, or the row itself where there is no layer.</summary>
    public ReadOnlySpan<T> Apply(ReadOnlySpan<T> x, Span<T> scratch)
    {
        for (var i = 0; i < _layers.Length; i++)
        {
            // Two halves of the scratch take turns: a layer reads the one that the layer before it wrote.
            var hidden = scratch.Slice(i % 2 * _widest, _layers[i].OutputSize);
            _layers[i].Apply(x, hidden);
            x = hidden;
        }
        return x;
    }
}
