using System.Numerics;
using System.Numerics.Tensors;

namespace Deq.MLNet.Numerics;

/// <summary>The largest singular value of a square matrix in float64.</summary>
/// <remarks>The square root of the largest eigenvalue of the Gram matrix. Unlike power iteration this does not stop short of the largest one.</remarks>
internal static class SpectralNorm
{
    /// <summary>The 2-norm of a d x d matrix, from above to a relative 1e-12.</summary>
    public static double Of<T>(ReadOnlySpan<T> matrix, int size) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var gram = Gram(matrix, size, out var scale);
        return scale == 0 ? 0 : scale * Math.Sqrt(Math.Max(0, SymmetricEigenvalue.Largest(gram)));
    }

    /// <summary>A' A of the matrix divided by its largest magnitude, so that no square leaves the range.</summary>
    private static double[][] Gram<T>(ReadOnlySpan<T> matrix, int size, out double scale) where T : unmanaged, IFloatingPointIeee754<T>
    {
        scale = size == 0 ? 0 : Math.Abs(double.CreateChecked(TensorPrimitives.MaxMagnitude(matrix)));
        var columns = new double[size][];
        for (var j = 0; j < size; j++)
        {
            columns[j] = new double[size];
            for (var i = 0; i < size; i++)
            {
                columns[j][i] = scale == 0 ? 0 : double.CreateChecked(matrix[i * size + j]) / scale;
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
}
