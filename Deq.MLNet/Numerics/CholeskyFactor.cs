using System.Numerics.Tensors;

namespace Deq.MLNet.Numerics;

/// <summary>Positive definite systems of any size in float64, in place, by dot products of rows (Golub and Van Loan, Matrix Computations, 4.2).</summary>
internal static class CholeskyFactor
{
    /// <summary>Overwrites the lower triangle of A with L, A = L L'; false where A is not positive definite, or holds a value that is not finite.</summary>
    /// <param name="a">Size x size, row-major; what is above the diagonal is not read.</param>
    /// <param name="size">Rows.</param>
    public static bool Factor(Span<double> a, int size)
    {
        for (var i = 0; i < size; i++)
        {
            var row = a.Slice(i * size, i + 1);
            for (var j = 0; j < i; j++)
            {
                row[j] = (row[j] - TensorPrimitives.Dot<double>(row[..j], a.Slice(j * size, j))) / a[j * size + j];
            }
            var pivot = row[i] - TensorPrimitives.SumOfSquares<double>(row[..i]);
            if (!(pivot > 0 && double.IsFinite(pivot)))
            {
                return false;
            }
            row[i] = Math.Sqrt(pivot);
        }
        return true;
    }

    /// <summary>Overwrites b with A^-1 b, given what <see cref="Factor"/> left.</summary>
    public static void Solve(ReadOnlySpan<double> l, Span<double> b)
    {
        var n = b.Length;
        for (var i = 0; i < n; i++)
        {
            b[i] = (b[i] - TensorPrimitives.Dot(l.Slice(i * n, i), b[..i])) / l[i * n + i];
        }
        for (var i = n - 1; i >= 0; i--)
        {
            b[i] /= l[i * n + i];
            TensorPrimitives.MultiplyAdd(l.Slice(i * n, i), -b[i], b[..i], b[..i]);
        }
    }
}
