using System.Numerics.Tensors;

namespace Deq.MLNet.Numerics;

/// <summary>The largest singular value of a square matrix in float64.</summary>
/// <remarks>
/// The Gram matrix is brought to tridiagonal form by Householder reflections and its largest eigenvalue bracketed by Sturm counts
/// (Golub and Van Loan, Matrix Computations, 8.3 and 8.4). Unlike power iteration this does not stop short of the largest one.
/// </remarks>
internal static class SpectralNorm
{
    /// <summary>A column of the scaled Gram matrix below this changes nothing (its largest entry is at least 1), and its square would leave the range.</summary>
    private const double Negligible = 1e-100;

    /// <summary>The 2-norm of a d x d matrix, from above to a relative 1e-12.</summary>
    public static double Of(ReadOnlySpan<float> matrix, int size)
    {
        var gram = Gram(matrix, size, out var scale);
        if (scale == 0)
        {
            return 0;
        }
        var diagonal = new double[size];
        var off = new double[size];
        Tridiagonalize(gram, diagonal, off);
        return scale * Math.Sqrt(LargestEigenvalue(diagonal, off));
    }

    /// <summary>A' A of the matrix divided by its largest magnitude, so that no square leaves the range.</summary>
    private static double[][] Gram(ReadOnlySpan<float> matrix, int size, out double scale)
    {
        scale = size == 0 ? 0 : Math.Abs((double)TensorPrimitives.MaxMagnitude(matrix));
        var columns = new double[size][];
        for (var j = 0; j < size; j++)
        {
            columns[j] = new double[size];
            for (var i = 0; i < size; i++)
            {
                columns[j][i] = scale == 0 ? 0 : matrix[i * size + j] / scale;
            }
        }
        var gram = new double[size][];
        for (var i = 0; i < size; i++)
        {
            gram[i] = new double[size];
            for (var j = 0; j <= i; j++)
            {
                gram[i][j] = gram[j][i] = TensorPrimitives.Dot<double>(columns[i], columns[j]);
            }
        }
        return gram;
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

    private static double LargestEigenvalue(double[] diagonal, double[] off)
    {
        double low = 0, high = 0;
        for (var i = 0; i < diagonal.Length; i++)
        {
            low = Math.Max(low, diagonal[i]);
            high = Math.Max(high, diagonal[i] + Math.Abs(off[i]) + (i > 0 ? Math.Abs(off[i - 1]) : 0));
        }
        while (high - low > 1e-12 * high)
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
        return high;
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
