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

    /// <summary>Whether W is lower triangular, that is, no state depends on a later one.</summary>
    public bool IsLowerTriangular { get; } = IsZeroFrom(w, 1);

    /// <summary>
    /// Whether one pass of forward substitution is exact and each state has exactly one value: W is lower triangular, with zeros on the diagonal,
    /// or with entries below 1 there and a phi of straight lines.
    /// </summary>
    public bool SubstitutionIsExact { get; } = gain is null && IsZeroFrom(w, 1) && (IsZeroFrom(w, 0) || activation.IsPiecewiseLinear() && DiagonalIsBelowOne(w));

    /// <summary>The normalisation of the pre-activations; null for none.</summary>
    public LayerNorm<T>? Norm { get; } = gain is null ? null : new LayerNorm<T>(gain, shift!);

    private static bool IsZeroFrom(ReadOnlySpan<T> w, int offset)
    {
        var d = (int)Math.Sqrt(w.Length);
        for (var i = 0; i < d; i++)
        {
            if (i + offset < d && w[(i * d + i + offset)..((i + 1) * d)].ContainsAnyExcept(T.Zero))
            {
                return false;
            }
        }
        return true;
    }

    private static bool DiagonalIsBelowOne(ReadOnlySpan<T> w)
    {
        var d = (int)Math.Sqrt(w.Length);
        var below = true;
        for (var i = 0; i < d; i++)
        {
            below &= w[i * d + i] < T.One;
        }
        return below;
    }
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
    public void Apply(ReadOnlySpan<T> z, Span<T> f) => Apply(z, f, default);

    /// <summary>The same, and writes W z + u to preActivation where that is not empty.</summary>
    public void Apply(ReadOnlySpan<T> z, Span<T> f, Span<T> preActivation)
    {
        Kernels.Affine(Weights.W, z, Injection, f);
        if (!preActivation.IsEmpty)
        {
            f.CopyTo(preActivation);
        }
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
        if (Weights.Norm is { } norm)
        {
            return Epsilon * (norm.RoundingError(Weights.NormOfW * normOfState + Kernels.Norm(Injection), Weights.W, z, Injection) + UnitsOfPhi * normOfState);
        }
        // Products before sums, which may leave the range.
        return Epsilon * (Weights.NormOfW + UnitsOfPhi) * normOfState + Epsilon * Kernels.Norm(Injection);
    }
}
