using System.Numerics;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Equilibrium;

/// <summary>What all rows of a network's cell share. The arrays are nobody else's to write to.</summary>
/// <param name="w">W, d x d.</param>
/// <param name="activation">phi.</param>
internal sealed class CellWeights<T>(T[] w, Activation activation) where T : unmanaged, IFloatingPointIeee754<T>
{
    public ReadOnlySpan<T> W => w;

    public Activation Activation => activation;

    /// <summary>d.</summary>
    public int Size { get; } = (int)Math.Sqrt(w.Length);

    /// <summary>||W||_F.</summary>
    public double NormOfW { get; } = Kernels.Norm<T>(w);
}

/// <summary>f of one row: z -> phi(W z + u), with u = U x + b.</summary>
internal readonly ref struct Cell<T>(CellWeights<T> weights, ReadOnlySpan<T> injection) where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly double Epsilon = double.CreateChecked(T.BitIncrement(T.One) - T.One);

    /// <summary>The error of phi in units in the last place, at the most.</summary>
    private const double UnitsOfPhi = 4;

    public CellWeights<T> Weights { get; } = weights;

    /// <summary>u, d values.</summary>
    public ReadOnlySpan<T> Injection { get; } = injection;

    /// <summary>Writes f(z) to f; both have d values and do not overlap.</summary>
    public void Apply(ReadOnlySpan<T> z, Span<T> f)
    {
        Kernels.Affine(Weights.W, z, Injection, f);
        Weights.Activation.Apply(f);
    }

    /// <summary>
    /// The norm of the error that rounding alone makes in f(z): no residual can be asked to be smaller. Each sum is rounded relative to the sizes of its terms:
    /// eps (||W||_F ||z|| + ||u||) bounds the norm up to a small factor. Phi adds units in the last place of its own value.
    /// </summary>
    public double RoundingError(double normOfState) => Epsilon * ((Weights.NormOfW + UnitsOfPhi) * normOfState + Kernels.Norm(Injection));
}
