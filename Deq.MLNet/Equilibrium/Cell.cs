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

    /// <summary>z -> phi(W z + u).</summary>
    public DenseRow<T> Map { get; } = DenseRow<T>.Create(w, (int)Math.Sqrt(w.Length), activation);

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

    public CellWeights<T> Weights { get; } = weights;

    /// <summary>u, d values.</summary>
    public ReadOnlySpan<T> Injection { get; } = injection;

    /// <summary>Writes f(z) to f; both have d values and do not overlap.</summary>
    public void Apply(ReadOnlySpan<T> z, Span<T> f) => Apply(z, f, default);

    /// <summary>The same, and writes W z + u to preActivation where that is not empty.</summary>
    public void Apply(ReadOnlySpan<T> z, Span<T> f, Span<T> preActivation)
    {
        if (preActivation.IsEmpty && Weights.Norm is null)
        {
            Weights.Map.Apply(z, Injection, f);
            return;
        }
        Weights.Map.Affine(z, Injection, f);
        if (!preActivation.IsEmpty)
        {
            f.CopyTo(preActivation);
        }
        Weights.Norm?.Apply(f);
        Weights.Activation.Apply(f);
    }

    /// <summary>The same, and returns ||f(z) - z|| and ||f(z)||.</summary>
    public (double Distance, double Norm) Step(ReadOnlySpan<T> z, Span<T> f, Span<T> preActivation)
    {
        if (preActivation.IsEmpty && Weights.Norm is null)
        {
            return Weights.Map.Step(z, Injection, f);
        }
        Apply(z, f, preActivation);
        return (Kernels.Distance<T>(f, z), Kernels.Norm<T>(f));
    }

    /// <summary>
    /// The norm of the error that rounding alone makes in f(z): no residual can be asked to be smaller. A sum is rounded relative to the sizes of its terms,
    /// eps (|W| |z| + |u|) up to a small factor, of which the slope of phi lets some through and, where ReLU is zero, nothing; phi adds units in the last place of its own value.
    /// </summary>
    /// <param name="z">The state, d values.</param>
    public double RoundingError(ReadOnlySpan<T> z)
    {
        // Called where a search has come to a halt only: there is no room to keep these in.
        var (sums, errors) = (new double[z.Length], new double[z.Length]);
        for (var i = 0; i < z.Length; i++)
        {
            sums[i] = double.CreateChecked(Injection[i]);
            errors[i] = Epsilon * Math.Abs(sums[i]);
            for (var j = 0; j < z.Length; j++)
            {
                var (weight, state) = (double.CreateChecked(Weights.W[i * z.Length + j]), double.CreateChecked(z[j]));
                sums[i] += weight * state;
                // In this order no product leaves the range before the sum does.
                errors[i] += Epsilon * Math.Abs(weight) * Math.Abs(state);
            }
        }
        Weights.Norm?.Spread(sums, errors, Epsilon);
        for (var i = 0; i < z.Length; i++)
        {
            // About a kink the error decides which side is taken.
            Span<double> value = [sums[i]], slopes = [sums[i] - errors[i], sums[i] + errors[i]];
            Weights.Activation.Apply(value);
            Weights.Activation.Slope(slopes);
            errors[i] = errors[i] * Math.Max(Math.Abs(slopes[0]), Math.Abs(slopes[1])) + ActivationExtensions.ErrorUnits * Epsilon * Math.Abs(value[0]);
        }
        return Kernels.Norm<double>(errors);
    }
}
