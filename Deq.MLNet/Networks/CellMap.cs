using System.Numerics;
using Deq.MLNet.Equilibrium;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Networks;

/// <summary>z -> phi(W z + u) of one row, with u = U x + b.</summary>
internal readonly ref struct CellMap<T>(ReadOnlySpan<T> w, ReadOnlySpan<T> injection, Activation activation, double normOfW) : IFixedPointMap<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly double Epsilon = double.CreateChecked(T.BitIncrement(T.One) - T.One);

    /// <summary>The error of phi in units in the last place, at the most.</summary>
    private const double UnitsOfPhi = 4;

    private readonly ReadOnlySpan<T> _w = w;
    private readonly ReadOnlySpan<T> _injection = injection;

    public void Apply(ReadOnlySpan<T> z, Span<T> f)
    {
        Kernels.Affine(_w, z, _injection, f);
        activation.Apply(f);
    }

    /// <summary>
    /// Each sum is rounded relative to the sizes of its terms: eps (||W||_F ||z|| + ||u||) bounds the norm up to a small factor. Phi adds units in the last place
    /// of its own value.
    /// </summary>
    public double RoundingError(double normOfState) => Epsilon * ((normOfW + UnitsOfPhi) * normOfState + Kernels.Norm(_injection));
}
