using System.Numerics;
using System.Numerics.Tensors;

namespace Deq.MLNet.Numerics;

/// <summary>The largest singular value of a matrix in float64.</summary>
/// <remarks>The square root of the largest eigenvalue of the Gram matrix of its rows. Unlike power iteration this does not stop short of the largest one.</remarks>
internal static class SpectralNorm
{
    /// <summary>The 2-norm of a matrix, row-major, from above to a relative 1e-12.</summary>
    public static double Of<T>(ReadOnlySpan<T> matrix, int columns) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var scale = matrix.IsEmpty ? 0 : Math.Abs(double.CreateChecked(TensorPrimitives.MaxMagnitude(matrix)));
        return scale == 0 ? 0 : scale * Math.Sqrt(Math.Max(0, SymmetricEigenvalue.Largest(Gram(matrix, columns, scale))));
    }

    /// <summary>A A' of the matrix divided by its largest magnitude, so that no square leaves the range.</summary>
    private static double[][] Gram<T>(ReadOnlySpan<T> matrix, int columns, double scale) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var rows = new double[matrix.Length / columns][];
        var gram = new double[rows.Length][];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = new double[columns];
            TensorPrimitives.ConvertChecked(matrix.Slice(i * columns, columns), rows[i]);
            TensorPrimitives.Divide(rows[i], scale, rows[i]);
        }
        for (var i = 0; i < rows.Length; i++)
        {
            gram[i] = new double[rows.Length];
            for (var j = 0; j <= i; j++)
            {
                gram[i][j] = gram[j][i] = TensorPrimitives.Dot<double>(rows[i], rows[j]);
            }
        }
        return gram;
    }
}
