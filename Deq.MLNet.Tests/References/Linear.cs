namespace Deq.MLNet.Tests.References;

/// <summary>Dense float64 linear algebra, written plainly and apart from the library's own.</summary>
internal static class Linear
{
    /// <summary>x of A x = b by LU with partial pivoting; A is size x size, row-major.</summary>
    public static double[] Solve(double[] a, double[] b)
    {
        var n = b.Length;
        var (lu, x) = (a.ToArray(), b.ToArray());
        for (var k = 0; k < n; k++)
        {
            var pivot = Enumerable.Range(k, n - k).MaxBy(i => Math.Abs(lu[i * n + k]));
            for (var j = 0; j < n; j++)
            {
                (lu[k * n + j], lu[pivot * n + j]) = (lu[pivot * n + j], lu[k * n + j]);
            }
            (x[k], x[pivot]) = (x[pivot], x[k]);
            for (var i = k + 1; i < n; i++)
            {
                var factor = lu[i * n + k] / lu[k * n + k];
                for (var j = k; j < n; j++)
                {
                    lu[i * n + j] -= factor * lu[k * n + j];
                }
                x[i] -= factor * x[k];
            }
        }
        for (var i = n - 1; i >= 0; i--)
        {
            for (var j = i + 1; j < n; j++)
            {
                x[i] -= lu[i * n + j] * x[j];
            }
            x[i] /= lu[i * n + i];
        }
        return x;
    }

    /// <summary>The sums of magnitudes of rows of some length.</summary>
    public static double[] RowSums(ReadOnlySpan<float> matrix, int columns) => [.. matrix.ToArray().Chunk(columns).Select(row => row.Sum(v => Math.Abs((double)v)))];

    /// <summary>The singular values of a rows x columns matrix, largest first, by one-sided Jacobi rotations (Golub and Van Loan 8.6.3).</summary>
    public static double[] SingularValues(double[] a, int columns)
    {
        var rows = columns == 0 ? 0 : a.Length / columns;
        var scale = a.Length == 0 ? 0 : a.Max(Math.Abs);
        if (scale == 0)
        {
            return new double[columns];
        }
        var m = a.Select(v => v / scale).ToArray();
        for (var (sweep, rotated) = (0, true); rotated && sweep < 60; sweep++)
        {
            rotated = false;
            for (var p = 0; p < columns; p++)
            {
                for (var q = p + 1; q < columns; q++)
                {
                    double pp = 0, qq = 0, pq = 0;
                    for (var i = 0; i < rows; i++)
                    {
                        var (x, y) = (m[i * columns + p], m[i * columns + q]);
                        (pp, qq, pq) = (pp + x * x, qq + y * y, pq + x * y);
                    }
                    if (Math.Abs(pq) <= 1e-15 * Math.Sqrt(pp * qq) || pq == 0)
                    {
                        continue;
                    }
                    rotated = true;
                    var zeta = (qq - pp) / (2 * pq);
                    var t = (zeta < 0 ? -1 : 1) / (Math.Abs(zeta) + Math.Sqrt(1 + zeta * zeta));
                    var c = 1 / Math.Sqrt(1 + t * t);
                    for (var i = 0; i < rows; i++)
                    {
                        var (x, y) = (m[i * columns + p], m[i * columns + q]);
                        (m[i * columns + p], m[i * columns + q]) = (c * (x - t * y), c * (t * x + y));
                    }
                }
            }
        }
        return [.. Enumerable.Range(0, columns).Select(j => scale * Math.Sqrt(Enumerable.Range(0, rows).Sum(i => m[i * columns + j] * m[i * columns + j]))).OrderDescending()];
    }

    /// <summary>A x + b.</summary>
    public static double[] Affine(double[] a, double[] x, double[] b)
    {
        var y = b.ToArray();
        for (var i = 0; i < y.Length; i++)
        {
            for (var j = 0; j < x.Length; j++)
            {
                y[i] += a[i * x.Length + j] * x[j];
            }
        }
        return y;
    }

    public static double Norm(IEnumerable<double> x) => Math.Sqrt(x.Sum(v => v * v));

    public static double Distance(IEnumerable<double> x, IEnumerable<double> y) => Norm(x.Zip(y, (a, b) => a - b));

    public static double[] ToDouble(ReadOnlySpan<float> x)
    {
        var result = new double[x.Length];
        for (var i = 0; i < x.Length; i++)
        {
            result[i] = x[i];
        }
        return result;
    }

    public static float[] ToFloat(IEnumerable<double> x) => [.. x.Select(v => (float)v)];
}
