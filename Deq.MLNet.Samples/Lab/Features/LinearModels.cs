namespace Deq.MLNet.Samples.Lab;

/// <summary>Linear models of few rows, in float64: which interpolators other methods choose, and what makes one that of the diagonal DEQ.</summary>
internal static class LinearModels
{
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<float> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    /// <summary>How many of the values count: (sum |a|)^2 / sum a^2, from 1 for one alone to their number for equal ones.</summary>
    public static double Participation(IEnumerable<double> a)
    {
        var (sum, squares) = (0.0, 0.0);
        foreach (var value in a)
            (sum, squares) = (sum + Math.Abs(value), squares + value * value);
        return sum * sum / squares;
    }

    /// <summary>The interpolator of least Euclidean norm.</summary>
    public static double[] LeastNorm(float[][] x, float[] y) => Combination(x, Solve(Gram(x), [.. y]));

    /// <summary>
    /// Where a diagonal linear FNN y = sum (p_i^2 - q_i^2) x_i ends that starts from p = q = scale: for a small scale at a sparse interpolator
    /// (Woodworth et al., "Kernel and rich regimes in overparametrized models", COLT 2020).
    /// </summary>
    public static double[] DiagonalFnn(float[][] x, float[] y, double scale, double rate = 2e-3, int steps = 200_000)
    {
        var n = x[0].Length;
        var (p, q, beta) = (Enumerable.Repeat(scale, n).ToArray(), Enumerable.Repeat(scale, n).ToArray(), new double[n]);
        for (var step = 0; step < steps; step++)
        {
            var gradient = Combination(x, [.. x.Select((row, r) => (Dot(beta, row) - y[r]) / x.Length)]);
            for (var i = 0; i < n; i++)
            {
                (p[i], q[i]) = (p[i] - 2 * rate * gradient[i] * p[i], q[i] + 2 * rate * gradient[i] * q[i]);
                beta[i] = p[i] * p[i] - q[i] * q[i];
            }
        }
        return beta;
    }

    /// <summary>
    /// How far an interpolator is from that of least sum beta arctan(beta), at which gradient flow of the diagonal DEQ ends: there half of arctan(beta) + beta / (1 + beta^2) is a combination of the rows.
    /// What is left of it, as a share of its length.
    /// </summary>
    public static double ArctanResidual(float[][] x, double[] beta) => Outside(x, [.. beta.Select(b => (b / (1 + b * b) + Math.Atan(b)) / 2)]);

    /// <summary>The same for the interpolator of least norm: beta itself is a combination of the rows there.</summary>
    public static double LeastNormResidual(float[][] x, double[] beta) => Outside(x, beta);

    /// <summary>The share of a vector that is no combination of the rows.</summary>
    private static double Outside(float[][] x, double[] a)
    {
        var nearest = Combination(x, Solve(Gram(x), [.. x.Select(row => Dot(a, row))]));
        return Math.Sqrt(a.Zip(nearest, (value, near) => (value - near) * (value - near)).Sum() / a.Sum(value => value * value));
    }

    /// <summary>X X', rows x rows.</summary>
    private static double[][] Gram(float[][] x) => [.. x.Select(row => x.Select(other => Dot([.. row], other)).ToArray())];

    /// <summary>The sum of the rows, each times its share.</summary>
    private static double[] Combination(float[][] x, double[] shares) => [.. x[0].Select((_, i) => x.Zip(shares, (row, share) => row[i] * share).Sum())];

    /// <summary>Elimination without pivots, which a positive definite matrix does not need, nor one whose diagonal outweighs its rows. Overwrites both.</summary>
    public static double[] Solve(double[][] a, double[] b)
    {
        for (var k = 0; k < b.Length; k++)
            for (var i = k + 1; i < b.Length; i++)
            {
                var share = a[i][k] / a[k][k];
                for (var j = k; j < b.Length; j++)
                    a[i][j] -= share * a[k][j];
                b[i] -= share * b[k];
            }
        for (var k = b.Length - 1; k >= 0; k--)
        {
            for (var j = k + 1; j < b.Length; j++)
                b[k] -= a[k][j] * b[j];
            b[k] /= a[k][k];
        }
        return b;
    }
}
