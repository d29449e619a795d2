using System.Numerics;
using Deq.MLNet.Equilibrium;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Networks;

/// <summary>The arrays of a network in one number type: its cell, and what is computed of a row before and after the solve. Thread safe.</summary>
internal sealed class DeqArrays<T>(DeqWeights weights, Activation activation) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly HiddenLayers<T> _encoder = new(weights.Encoder, activation);
    private readonly ReadOnlyMemory<T> _u = DenseLayers.As<T>(weights.U);
    private readonly ReadOnlyMemory<T> _b = DenseLayers.As<T>(weights.B);
    private readonly ReadOnlyMemory<T> _v = DenseLayers.As<T>(weights.V);
    private readonly ReadOnlyMemory<T> _c = DenseLayers.As<T>(weights.C);
    private readonly ReadOnlyMemory<T> _s = DenseLayers.As<T>(weights.S);

    /// <summary>What all rows share in the solve.</summary>
    public CellWeights<T> Cell { get; } = new(Values(weights.W)!, activation, Values(weights.Gain), Values(weights.Shift));

    /// <summary>The scratch that <see cref="Inject"/> needs, in values.</summary>
    public int ScratchSize => _encoder.ScratchSize;

    /// <summary>u = U e(x) + b.</summary>
    public void Inject(ReadOnlySpan<T> x, Span<T> scratch, Span<T> injection) => Kernels.Affine(_u.Span, _encoder.Apply(x, scratch), _b.Span, injection);

    /// <summary>y = V z + S x + c.</summary>
    public void Read(ReadOnlySpan<T> x, ReadOnlySpan<T> z, Span<T> y)
    {
        Kernels.Affine(_v.Span, z, _c.Span, y);
        if (!_s.IsEmpty)
        {
            Kernels.Affine(_s.Span, x, y, y);
        }
    }

    private static T[]? Values(float[]? values) => values is null ? null : typeof(T) == typeof(float) ? (T[])(object)values : DenseLayers.As<T>(values).ToArray();
}
