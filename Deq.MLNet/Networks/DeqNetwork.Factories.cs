using Deq.MLNet.Errors;
using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;

namespace Deq.MLNet;

/// <content>Networks and matrices of special forms.</content>
public sealed partial class DeqNetwork
{
    /// <summary>
    /// The diagonal linear network z = diag(w) z + diag(u) x, y = the sum of z, so that y = beta x with beta = u / (1 - w): d = n, K = 1, phi the identity, V of ones, b and c zero.
    /// Its training by <see cref="DeqCell.DiagonalLinear"/> is that of Wu, Zhang, Fang, Lin, "Separation and Bias of Deep Equilibrium Models on Expressivity and Learning Dynamics", NeurIPS 2024.
    /// </summary>
    /// <param name="w">The diagonal of W, n values; each below 1 in magnitude, where plain iteration is to find the equilibrium.</param>
    /// <param name="u">The diagonal of U, n values.</param>
    /// <param name="link">The link; default identity.</param>
    /// <param name="rule">The rule that W obeys; null for none.</param>
    /// <param name="scoring">How a row's equilibrium is found; null for the defaults of <see cref="EquilibriumSettings"/>.</param>
    /// <exception cref="ArgumentException">The lengths differ, a value is not finite, or W breaks the rule.</exception>
    public static DeqNetwork DiagonalLinear(ReadOnlySpan<float> w, ReadOnlySpan<float> u, Link link = Link.Identity, WellPosedness? rule = null, EquilibriumSettings? scoring = null)
    {
        Check.Length(u, Check.AtLeast(w.Length, 1, "the number of features"), "(n)");
        var ones = new float[w.Length];
        Array.Fill(ones, 1);
        return new DeqNetwork(Diagonal(w), Diagonal(u), new float[w.Length], ones, [0], Activation.Identity, link, rule, scoring);
    }

    /// <summary>
    /// W = (1 - m) I - A'A + B - B': I - W is then strongly monotone with m, so that every row has exactly one equilibrium, whatever the norm of W. Source: Winston and Kolter 2020.
    /// Where rounding to float32 would cost that, a multiple of the identity of the size of a rounding error is taken off, so that W obeys <see cref="WellPosedness.Monotone"/> of m.
    /// </summary>
    /// <param name="a">A, r x d with any number r of rows.</param>
    /// <param name="b">B, d x d; the state size d follows from its length.</param>
    /// <param name="m">The monotonicity, above 0 and at most 1 in common use.</param>
    /// <returns>W, d x d, computed in float64.</returns>
    /// <exception cref="ArgumentException">B is not square, or the length of A is no multiple of d.</exception>
    /// <exception cref="ArgumentOutOfRangeException">m is not positive.</exception>
    public static float[] MonotoneW(ReadOnlySpan<float> a, ReadOnlySpan<float> b, float m = 0.1f)
    {
        Check.Positive(m);
        var d = Check.AtLeast((int)Math.Round(Math.Sqrt(b.Length)), 1, "the state size");
        Check.Length(b, d * d, "d x d");
        Check.Length(a, a.Length / d * d, "r x d");
        var w = new float[d * d];
        for (var i = 0; i < d; i++)
        {
            for (var j = 0; j < d; j++)
            {
                double value = (i == j ? 1.0 - m : 0) + b[i * d + j] - b[j * d + i];
                for (var row = 0; row < a.Length; row += d)
                {
                    value -= (double)a[row + i] * a[row + j];
                }
                w[i * d + j] = (float)value;
            }
        }
        for (var excess = Excess(); excess > 0; excess = Excess())
        {
            for (var i = 0; i < w.Length; i += d + 1)
            {
                w[i] = MathF.BitDecrement((float)(w[i] - excess));
            }
        }
        return w;

        // As the rule judges it.
        double Excess() => m - (1 - SymmetricEigenvalue.LargestOfSymmetricPart(w, d));
    }

    /// <summary>Whether every output is linear in the features, each feature by a state of its own: phi is the identity, W and U are diagonal, and there is neither encoder, skip connection nor normalisation.</summary>
    public bool IsDiagonalLinear => Activation == Activation.Identity && Weights.Encoder.Count == 0 && Weights is { S: null, Gain: null } && StateSize == InputSize
        && IsDiagonal(Weights.W) && IsDiagonal(Weights.U);

    /// <summary>beta of a diagonal linear network, whose affine outputs are beta x + constant: beta = V diag(u / (1 - w)), in float64.</summary>
    /// <returns>K x n values, row-major.</returns>
    /// <exception cref="InvalidOperationException">The network is not <see cref="IsDiagonalLinear"/>.</exception>
    public double[] LinearCoefficients()
    {
        if (!IsDiagonalLinear)
        {
            throw new InvalidOperationException("The network is not diagonal linear: its outputs have no coefficients. See DeqNetwork.DiagonalLinear.");
        }
        var (n, beta) = (InputSize, new double[OutputSize * InputSize]);
        for (var i = 0; i < beta.Length; i++)
        {
            var diagonal = i % n * (n + 1);
            beta[i] = (double)Weights.V[i] * Weights.U[diagonal] / (1 - (double)Weights.W[diagonal]);
        }
        return beta;
    }

    private static float[] Diagonal(ReadOnlySpan<float> values)
    {
        var matrix = new float[checked(values.Length * values.Length)];
        for (var i = 0; i < values.Length; i++)
        {
            matrix[i * (values.Length + 1)] = values[i];
        }
        return matrix;
    }

    private bool IsDiagonal(float[] matrix)
    {
        for (var i = 0; i < matrix.Length; i++)
        {
            if (matrix[i] != 0 && i % (StateSize + 1) != 0)
            {
                return false;
            }
        }
        return true;
    }

    private static DeqWeights Copy(ReadOnlySpan<float> w, ReadOnlySpan<float> u, ReadOnlySpan<float> b, ReadOnlySpan<float> v, ReadOnlySpan<float> c,
        ReadOnlySpan<float> s, IReadOnlyList<DenseLayer> encoder, ReadOnlySpan<float> gain, ReadOnlySpan<float> shift)
    {
        var normalized = gain.Length + shift.Length > 0;
        return new DeqWeights(w.ToArray(), u.ToArray(), b.ToArray(), v.ToArray(), c.ToArray())
        {
            S = s.IsEmpty ? null : s.ToArray(),
            Encoder = DenseLayers.Copy(encoder),
            Gain = !normalized ? null : gain.IsEmpty ? [.. Enumerable.Repeat(1f, b.Length)] : gain.ToArray(),
            Shift = !normalized ? null : shift.IsEmpty ? new float[b.Length] : shift.ToArray(),
        };
    }
}
