using System.Numerics.Tensors;

namespace Deq.MLNet.Numerics;

/// <summary>The largest eigenvalue of a symmetric matrix in float64.</summary>
/// <remarks>
/// The matrix is brought to tridiagonal form by Householder reflections and its largest eigenvalue bracketed by Sturm counts (Golub and Van Loan, Matrix Computations, 8.3 and 8.4).
/// </remarks>
internal static class SymmetricEigenvalue
{
    /// <summary>A column of a matrix whose largest entry is about 1 changes nothing below this, and its square would leave the range.</summary>
    private const double Negligible = 1e-100;

    /// <summary>The largest eigenvalue, from above to a relative 1e-12 and the rounding error, d 2^-52 of the largest entries. The matrix is overwritten; its entries are best of size 1.</summary>
    public static double Largest(double[][] a)
    {
        var diagonal = new double[a.Length];
        var off = new double[a.Length];
        Tridiagonalize(a, diagonal, off);
        return Bisect(diagonal, off);
    }

    /// <summary>The largest eigenvalue of (A + A') / 2, from above as <see cref="Largest"/>; A is d x d, row-major.</summary>
    public static double LargestOfSymmetricPart(ReadOnlySpan<float> matrix, int size)
    {
        var largest = size == 0 ? 0 : Math.Abs((double)TensorPrimitives.MaxMagnitude(matrix));
        if (largest == 0)
        {
            return 0;
        }
        // By a power of two, which rounds nothing.
        var scale = Math.ScaleB(1, Math.ILogB(largest));
        var symmetric = new double[size][];
        for (var i = 0; i < size; i++)
        {
            symmetric[i] = new double[size];
            for (var j = 0; j <= i; j++)
            {
                symmetric[i][j] = symmetric[j][i] = (matrix[i * size + j] / scale + matrix[j * size + i] / scale) / 2;
            }
        }
        return scale * Largest(symmetric);
    }

    private static void Tridiagonalize(double[][] a, double[] diagonal, double[] off)
    {
        var size = a.Length;
        var product = new double[size];
        for (var k = 0; k < size; k++)
        {
            diagonal[k] = a[k][k];
            var below = size - k - 1;
            if (below == 0)
            {
                break;
            }
            var v = new double[below];
            for (var i = 0; i < below; i++)
            {
                v[i] = a[k + 1 + i][k];
            }
            var norm = TensorPrimitives.Norm<double>(v);
            off[k] = norm;
            if (norm < Negligible)
            {
                continue;
            }
            v[0] += v[0] < 0 ? -norm : norm;
            var beta = 2 / TensorPrimitives.Dot<double>(v, v);

            // A <- H A H for the trailing block, H = I - beta v v': a symmetric rank-two update.
            var p = product.AsSpan(0, below);
            for (var i = 0; i < below; i++)
            {
                p[i] = beta * TensorPrimitives.Dot<double>(a[k + 1 + i].AsSpan(k + 1), v);
            }
            var half = beta / 2 * TensorPrimitives.Dot<double>(p, v);
            TensorPrimitives.MultiplyAdd<double>(v, -half, p, p);
            for (var i = 0; i < below; i++)
            {
                var row = a[k + 1 + i].AsSpan(k + 1);
                TensorPrimitives.MultiplyAdd<double>(p, -v[i], row, row);
                TensorPrimitives.MultiplyAdd<double>(v, -p[i], row, row);
            }
        }
    }

    private static double Bisect(double[] diagonal, double[] off)
    {
        double low = double.NegativeInfinity, high = double.NegativeInfinity;
        for (var i = 0; i < diagonal.Length; i++)
        {
            low = Math.Max(low, diagonal[i]);
            high = Math.Max(high, diagonal[i] + Math.Abs(off[i]) + (i > 0 ? Math.Abs(off[i - 1]) : 0));
        }
        // What the reflections may have lost; a diagonal matrix needed none.
        var rounding = Array.TrueForAll(off, o => o == 0) ? 0 : diagonal.Length / (double)(1L << 52) * Enumerable.Range(0, diagonal.Length).Max(i => Math.Abs(diagonal[i]) + Math.Abs(off[i]));
        while (high - low > 1e-12 * Math.Abs(high) + rounding)
        {
            var middle = low + (high - low) / 2;
            if (AllBelow(diagonal, off, middle))
            {
                high = middle;
            }
            else
            {
                low = middle;
            }
        }
        return high + rounding;
    }

    /// <summary>Sylvester's law: T - x I is negative definite exactly when all pivots of its elimination are negative.</summary>
    private static bool AllBelow(double[] diagonal, double[] off, double x)
    {
        var pivot = diagonal[0] - x;
        for (var i = 1; pivot < 0 && i < diagonal.Length; i++)
        {
            pivot = diagonal[i] - x - off[i - 1] * off[i - 1] / pivot;
        }
        return pivot < 0;
    }
}
