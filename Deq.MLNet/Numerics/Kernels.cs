using System.Numerics;
using System.Numerics.Tensors;

namespace Deq.MLNet.Numerics;

/// <summary>The dense kernels of scoring, for float32 and, as its reference, for float64. Matrices are row-major.</summary>
internal static class Kernels
{
    /// <summary>y = A x + b, with A of y.Length rows and x.Length columns.</summary>
    public static void Affine<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> x, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var columns = x.Length;
        for (var row = 0; row < y.Length; row++)
        {
            y[row] = TensorPrimitives.Dot(a.Slice(row * columns, columns), x) + b[row];
        }
    }

    public static double Norm<T>(ReadOnlySpan<T> x) where T : unmanaged, IFloatingPointIeee754<T> => Distance(x, default);

    /// <summary>||x - y||; an empty y stands for zeros.</summary>
    public static double Distance<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (x.IsEmpty)
        {
            return 0;
        }
        var norm = double.CreateChecked(y.IsEmpty ? TensorPrimitives.Norm(x) : TensorPrimitives.Distance(x, y));
        return IsSafe<T>(norm) ? norm : ScaledDistance(x, y);
    }

    /// <summary>||x - y|| from its square as summed in the type itself; an empty y stands for zeros.</summary>
    public static double Root(float square, ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        var norm = Math.Sqrt(square);
        return IsSafe<float>(norm) ? norm : ScaledDistance(x, y);
    }

    /// <summary>Whether no square that matters was lost or left the range of the type.</summary>
    private static bool IsSafe<T>(double norm) where T : unmanaged, IFloatingPointIeee754<T> => norm > SafeNorm<T>.Least && norm < SafeNorm<T>.Most || double.IsNaN(norm);

    /// <summary>The slow form, for values whose squares are lost or leave the range of the type.</summary>
    private static double ScaledDistance<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        double largest = 0, sum = 0;
        for (var i = 0; i < x.Length; i++)
        {
            largest = Math.Max(largest, Difference(x, y, i));
        }
        if (largest == 0 || !double.IsFinite(largest))
        {
            return largest;
        }
        for (var i = 0; i < x.Length; i++)
        {
            var share = Difference(x, y, i) / largest;
            sum += share * share;
        }
        return largest * Math.Sqrt(sum);
    }

    private static double Difference<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, int i) where T : unmanaged, IFloatingPointIeee754<T> =>
        Math.Abs(double.CreateChecked(x[i]) - (y.IsEmpty ? 0 : double.CreateChecked(y[i])));

    private static class SafeNorm<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        /// <summary>Above this, the squares that were too small for the type do not matter.</summary>
        public static readonly double Least = typeof(T) == typeof(float) ? 1e-15 : 1e-140;

        public static readonly double Most = typeof(T) == typeof(float) ? 1e18 : 1e150;
    }

    public static bool AllFinite<T>(ReadOnlySpan<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (var value in x)
        {
            if (!T.IsFinite(value))
            {
                return false;
            }
        }
        return true;
    }

    public static double[] ToDouble(ReadOnlySpan<float> x)
    {
        var result = new double[x.Length];
        TensorPrimitives.ConvertChecked(x, result);
        return result;
    }
}
