using System.Numerics;
using System.Numerics.Tensors;

namespace Deq.MLNet.Numerics;

/// <summary>Bounds from above on what belongs to |W|, the magnitudes of a d x d matrix, in float64: where a sum was rounded, by its rounding error too much.</summary>
internal static class AbsoluteMatrix
{
    private const double Rounding = 1.0 / (1L << 52);

    /// <summary>Steps of the power iteration at the most; few matrices need more than 50.</summary>
    private const int MaxSteps = 1_000;

    /// <summary>What is added to |W| on its diagonal, as a share of the estimated root.</summary>
    private const double Shift = 0.25;

    /// <summary>Every positive s gives a bound; one that is flatter than this gives one in which the equivalence of norms still says something.</summary>
    private const double LeastShare = 1e-9;

    /// <summary>The infinity norm of W: the largest sum of a row of |W|.</summary>
    public static double LargestRowSum<T>(ReadOnlySpan<T> w, int size) where T : unmanaged, IFloatingPointIeee754<T>
    {
        double largest = 0;
        for (var i = 0; i < size; i++)
        {
            double sum = 0;
            var terms = 0;
            foreach (var value in w.Slice(i * size, size))
            {
                sum += Math.Abs(double.CreateChecked(value));
                terms += T.IsZero(value) ? 0 : 1;
            }
            largest = Math.Max(largest, Above(sum, terms - 1));
        }
        return largest;
    }

    /// <summary>
    /// A positive s, and the maximum of (|W| s)_i / s_i over i: a bound on the Perron root of |W| for each such s (Collatz 1942; Wielandt 1950),
    /// and the norm of |W| that s gives. Power iteration brings the bound down to the root, or as near as s stays positive.
    /// </summary>
    public static (double Root, double[] Vector) Perron<T>(ReadOnlySpan<T> w, int size) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var magnitudes = new double[size * size];
        TensorPrimitives.ConvertChecked<T, double>(w, magnitudes);
        TensorPrimitives.Abs<double>(magnitudes, magnitudes);
        var (s, product) = (new double[size], new double[size]);
        Array.Fill(s, 1);
        var (root, vector) = (LargestRowSum(w, size), s.ToArray());
        for (var step = 0; step < MaxSteps; step++)
        {
            var (high, low) = (0.0, double.PositiveInfinity);
            for (var i = 0; i < size; i++)
            {
                product[i] = TensorPrimitives.Dot<double>(magnitudes.AsSpan(i * size, size), s);
                high = Math.Max(high, product[i] / s[i]);
                low = Math.Min(low, product[i] / s[i]);
            }
            if (Above(high, size) < root)
            {
                (root, vector) = (Above(high, size), s.ToArray());
            }
            if (high - low <= 1e-9 * high)
            {
                break;
            }
            // It keeps the iteration from cycling. Were it the largest sum of a row, which may be many times the root, the iteration would crawl.
            var shift = Shift * TensorPrimitives.Sum<double>(product) / TensorPrimitives.Sum<double>(s);
            TensorPrimitives.MultiplyAdd<double>(s, shift, product, s);
            TensorPrimitives.Divide(s, TensorPrimitives.Max<double>(s), s);
            TensorPrimitives.Max(s, LeastShare, s);
        }
        return (root, vector);
    }

    /// <summary>The 2-norm of (I - factor |W|)^-1 for a strictly lower triangular W, as the geometric mean of its 1-norm and its infinity norm: two substitutions with ones.</summary>
    public static double TriangularInverse(ReadOnlySpan<float> w, int size, double factor)
    {
        var (rows, columns) = (new double[size], new double[size]);
        Array.Fill(columns, 1);
        for (var i = 0; i < size; i++)
        {
            rows[i] = 1;
            for (var j = 0; j < i; j++)
            {
                rows[i] += factor * Math.Abs(w[i * size + j]) * rows[j];
            }
        }
        for (var i = size - 1; i >= 0; i--)
        {
            for (var j = 0; j < i; j++)
            {
                columns[j] += factor * Math.Abs(w[i * size + j]) * columns[i];
            }
        }
        return size == 1 ? 1 : Above(Math.Sqrt(rows.Max()) * Math.Sqrt(columns.Max()), size * (size + 3L));
    }

    private static double Above(double sum, long roundings) => roundings <= 0 ? sum : sum * (1 + roundings * Rounding);
}
