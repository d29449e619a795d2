using System.Numerics;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Equilibrium;

/// <summary>What all rows of a network's cell share. The arrays are nobody else's to write to.</summary>
/// <param name="w">W, d x d.</param>
/// <param name="activation">phi.</param>
/// <param name="gain">d values, of a layer-normalised cell; null for one that is not.</param>
/// <param name="shift">d values, given with the gain.</param>
internal sealed class CellWeights<T>(T[] w, Activation activation, T[]? gain = null, T[]? shift = null) where T : unmanaged, IFloatingPointIeee754<T>
{
    public ReadOnlySpan<T> W => w;

    public Activation Activation => activation;

    /// <summary>d.</summary>
    public int Size { get; } = (int)Math.Sqrt(w.Length);

    /// <summary>||W||_F.</summary>
    public double NormOfW { get; } = Kernels.Norm<T>(w);

    /// <summary>The normalisation of the pre-activations; null for none.</summary>
    public LayerNorm<T>? Norm { get; } = gain is null ? null : new LayerNorm<T>(gain, shift!);
}

/// <summary>f of one row: z -> phi(W z + u), with u = U e + b; layer-normalised phi(gain * LN(W z + u) + shift).</summary>
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
        Weights.Norm?.Apply(f);
        Weights.Activation.Apply(f);
    }

    /// <summary>
    /// The norm of the error that rounding alone makes in f(z): no residual can be asked to be smaller. Each sum is rounded relative to the sizes of its terms:
    /// eps (||W||_F ||z|| + ||u||) bounds the norm up to a small factor. Phi adds units in the last place of its own value.
    /// </summary>
    /// <param name="z">The state, d values.</param>
    /// <param name="normOfState">About its norm.</param>
    public double RoundingError(ReadOnlySpan<T> z, double normOfState)
    {
        var ofSums = Weights.NormOfW * normOfState + Kernels.Norm(Injection);
        var stretched = Weights.Norm is { } norm ? norm.RoundingError(ofSums, Weights.W, z, Injection) : ofSums;
        return Epsilon * (stretched + UnitsOfPhi * normOfState);
    }
}
