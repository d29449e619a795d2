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

    public static double Norm<T>(ReadOnlySpan<T> x) where T : unmanaged, IFloatingPointIeee754<T> =>
        x.IsEmpty ? 0 : double.CreateChecked(TensorPrimitives.Norm(x));

    public static double Distance<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        x.IsEmpty ? 0 : double.CreateChecked(TensorPrimitives.Distance(x, y));

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
