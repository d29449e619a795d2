using System.Numerics.Tensors;

namespace Deq.MLNet.Numerics;

/// <summary>Dense linear systems in float64: LU with partial pivoting, in place (Golub and Van Loan, Matrix Computations, 3.4). Nothing is allocated.</summary>
internal static class Lu
{
    /// <summary>A pivot of at most this share of the largest entry is nothing but rounding.</summary>
    private const double Singular = 1e-15;

    /// <summary>Overwrites A with its factors; false where it is singular to float64, or holds a value that is not finite.</summary>
    /// <param name="a">Size x size, row-major.</param>
    /// <param name="pivots">Receives the row that was taken for each; its length is the size.</param>
    public static bool Factor(Span<double> a, Span<int> pivots)
    {
        var n = pivots.Length;
        var negligible = Singular * Math.Abs(TensorPrimitives.MaxMagnitude<double>(a));
        for (var k = 0; k < n; k++)
        {
            var pivot = k;
            for (var i = k + 1; i < n; i++)
            {
                pivot = Math.Abs(a[i * n + k]) > Math.Abs(a[pivot * n + k]) ? i : pivot;
            }
            pivots[k] = pivot;
            if (!(Math.Abs(a[pivot * n + k]) > negligible))
            {
                return false;
            }
            var row = a.Slice(k * n, n);
            for (var j = 0; pivot != k && j < n; j++)
            {
                (row[j], a[pivot * n + j]) = (a[pivot * n + j], row[j]);
            }
            for (var i = k + 1; i < n; i++)
            {
                var factor = a[i * n + k] /= row[k];
                if (factor != 0)
                {
                    var rest = a.Slice(i * n + k + 1, n - k - 1);
                    TensorPrimitives.MultiplyAdd(row[(k + 1)..], -factor, rest, rest);
                }
            }
        }
        return true;
    }

    /// <summary>Overwrites b with A^-1 b, given what <see cref="Factor"/> left.</summary>
    public static void Solve(ReadOnlySpan<double> lu, ReadOnlySpan<int> pivots, Span<double> b)
    {
        var n = b.Length;
        for (var k = 0; k < n; k++)
        {
            (b[k], b[pivots[k]]) = (b[pivots[k]], b[k]);
        }
        for (var i = 1; i < n; i++)
        {
            b[i] -= TensorPrimitives.Dot(lu.Slice(i * n, i), b[..i]);
        }
        for (var i = n - 1; i >= 0; i--)
        {
            b[i] = (b[i] - TensorPrimitives.Dot(lu.Slice(i * n + i + 1, n - i - 1), b[(i + 1)..])) / lu[i * n + i];
        }
    }

    /// <summary>Overwrites b with A'^-1 b.</summary>
    public static void SolveTransposed(ReadOnlySpan<double> lu, ReadOnlySpan<int> pivots, Span<double> b)
    {
        var n = b.Length;
        // Column by column of the transposed factors, which are rows here.
        for (var i = 0; i < n; i++)
        {
            b[i] /= lu[i * n + i];
            var rest = b[(i + 1)..];
            TensorPrimitives.MultiplyAdd(lu.Slice(i * n + i + 1, n - i - 1), -b[i], rest, rest);
        }
        for (var i = n - 1; i > 0; i--)
        {
            TensorPrimitives.MultiplyAdd(lu.Slice(i * n, i), -b[i], b[..i], b[..i]);
        }
        for (var k = n - 1; k >= 0; k--)
        {
            (b[k], b[pivots[k]]) = (b[pivots[k]], b[k]);
        }
    }
}
