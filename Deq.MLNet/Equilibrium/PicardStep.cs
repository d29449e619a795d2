using System.Numerics;
using System.Numerics.Tensors;

namespace Deq.MLNet.Equilibrium;

/// <summary>Plain iteration with damping.</summary>
internal readonly struct PicardStep<T>(Picard options) : IRowStep<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _damping = T.CreateChecked(options.Damping);

    public bool TakesValue(int size, double residual) => _damping == T.One;

    public void Advance(Span<T> z, ReadOnlySpan<T> f, double residual) => TensorPrimitives.Lerp(z, f, _damping, z);
}
