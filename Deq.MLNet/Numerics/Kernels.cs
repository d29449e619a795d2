using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

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
        return norm > SafeNorm<T>.Least && norm < SafeNorm<T>.Most || double.IsNaN(norm) ? norm : ScaledDistance(x, y);
    }

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

    /// <summary>The hyperbolic tangent in place, to a few units in the last place for arguments of any size.</summary>
    /// <remarks>TensorPrimitives.Tanh loses all digits of a small argument to cancellation.</remarks>
    public static void Tanh<T>(Span<T> v) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var done = typeof(T) == typeof(float) ? VectorTanh(MemoryMarshal.Cast<T, float>(v)) : 0;
        for (var i = done; i < v.Length; i++)
        {
            v[i] = T.Tanh(v[i]);
        }
    }

    /// <summary>Whole vectors only; returns how many values those were.</summary>
    private static int VectorTanh(Span<float> v)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(v);
        foreach (ref var x in vectors)
        {
            var size = Vector.Abs(x);
            var s = size * size;
            // Below 0.35 the Taylor series to the 11th power is exact to float32; above, 1 - 2 / (e^2x + 1) loses no digits.
            var series = size + size * s * (new Vector<float>(-1f / 3) + s * (new Vector<float>(2f / 15) + s * (new Vector<float>(-17f / 315)
                + s * (new Vector<float>(62f / 2835) - s * (1382f / 155925)))));
            var exact = Vector<float>.One - new Vector<float>(2) / (Vector.Exp(size + size) + Vector<float>.One);
            x = Vector.CopySign(Vector.ConditionalSelect(Vector.LessThan(size, new Vector<float>(0.35f)), series, exact), x);
        }
        return vectors.Length * Vector<float>.Count;
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
