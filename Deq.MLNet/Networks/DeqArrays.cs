using System.Numerics;
using Deq.MLNet.Equilibrium;

namespace Deq.MLNet.Networks;

/// <summary>The arrays of a network in one number type: its cell, and what is computed of a row before and after the solve. Thread safe.</summary>
internal sealed class DeqArrays<T>(DeqWeights weights, Activation activation) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly HiddenLayers<T> _encoder = new(weights.Encoder, activation);
    private readonly DenseLayer<T> _injection = new(weights.U, weights.B, Activation.Identity);
    private readonly DenseLayer<T> _output = new(weights.V, weights.C, Activation.Identity);
    private readonly DenseRow<T>? _skip = weights.S is { } s ? DenseRow<T>.Create(DenseLayers.As<T>(s), weights.OutputSize, Activation.Identity) : null;

    /// <summary>What all rows share in the solve.</summary>
    public CellWeights<T> Cell { get; } = new(Values(weights.W)!, activation, Values(weights.Gain), Values(weights.Shift));

    /// <summary>The scratch that <see cref="Inject"/> needs, in values.</summary>
    public int ScratchSize => _encoder.ScratchSize;

    /// <summary>u = U e(x) + b.</summary>
    public void Inject(ReadOnlySpan<T> x, Span<T> scratch, Span<T> injection) => _injection.Apply(_encoder.Apply(x, scratch), injection);

    /// <summary>y = V z + S x + c.</summary>
    public void Read(ReadOnlySpan<T> x, ReadOnlySpan<T> z, Span<T> y)
    {
        _output.Apply(z, y);
        _skip?.Apply(x, y, y);
    }

    private static T[]? Values(float[]? values) => values is null ? null : typeof(T) == typeof(float) ? (T[])(object)values : DenseLayers.As<T>(values).ToArray();
}
