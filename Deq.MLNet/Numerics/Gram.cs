using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Deq.MLNet.Numerics;

/// <summary>A A' of a matrix of float64, row-major: its lower triangle, by tiles of 4 x 4 dot products.</summary>
/// <remarks>Every sum is taken in one order, whichever thread takes it.</remarks>
internal static class Gram
{
    /// <summary>Rows and columns of a tile.</summary>
    private const int Tile = 4;

    /// <summary>Values of a row that are gone through at a time: those of a tile's rows stay in a core's first cache.</summary>
    private const int Depth = 512;

    /// <summary>How many bands of rows there are: what <see cref="Band"/> writes of different ones may be computed at the same time.</summary>
    public static int Bands(int rows) => (rows + Tile - 1) / Tile;

    /// <summary>Writes the rows of one band up to the diagonal, and a little beyond it.</summary>
    /// <param name="a">Rows x length.</param>
    /// <param name="length">A multiple of 8.</param>
    /// <param name="product">Rows x rows.</param>
    /// <param name="rows">How many.</param>
    /// <param name="band">Which, from 0.</param>
    public static void Band(ReadOnlySpan<double> a, int length, Span<double> product, int rows, int band)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Band<Doubles512>(a, length, product, rows, band);
        }
        else
        {
            Band<Doubles256>(a, length, product, rows, band);
        }
    }

    internal static void Band<T>(ReadOnlySpan<double> a, int length, Span<double> product, int rows, int band) where T : struct, IDoubles<T>
    {
        ref var first = ref MemoryMarshal.GetReference(a);
        Span<double> tile = stackalloc double[Tile * Tile];
        var top = band * Tile;
        for (var left = 0; left <= top; left += Tile)
        {
            tile.Clear();
            for (var start = 0; start < length; start += Depth)
            {
                Add<T>(ref Unsafe.Add(ref first, start), length, RowsOf(top, rows), RowsOf(left, rows), Math.Min(Depth, length - start), tile);
            }
            for (var i = 0; i < Tile && top + i < rows; i++)
            {
                for (var j = 0; j < Tile && left + j < rows; j++)
                {
                    product[(top + i) * rows + left + j] = tile[i * Tile + j];
                }
            }
        }
    }

    /// <summary>The rows of a tile; the last one again where there are fewer.</summary>
    private static (int, int, int, int) RowsOf(int from, int rows) => (from, Math.Min(from + 1, rows - 1), Math.Min(from + 2, rows - 1), Math.Min(from + 3, rows - 1));

    /// <summary>Adds the dot products of four rows with four others over some of their values.</summary>
    private static void Add<T>(ref double a, int stride, (int, int, int, int) rows, (int, int, int, int) others, int depth, Span<double> tile) where T : struct, IDoubles<T>
    {
        ref var a0 = ref Unsafe.Add(ref a, (nint)rows.Item1 * stride);
        ref var a1 = ref Unsafe.Add(ref a, (nint)rows.Item2 * stride);
        ref var a2 = ref Unsafe.Add(ref a, (nint)rows.Item3 * stride);
        ref var a3 = ref Unsafe.Add(ref a, (nint)rows.Item4 * stride);
        ref var b0 = ref Unsafe.Add(ref a, (nint)others.Item1 * stride);
        ref var b1 = ref Unsafe.Add(ref a, (nint)others.Item2 * stride);
        ref var b2 = ref Unsafe.Add(ref a, (nint)others.Item3 * stride);
        ref var b3 = ref Unsafe.Add(ref a, (nint)others.Item4 * stride);
        T c00 = default, c01 = default, c02 = default, c03 = default, c10 = default, c11 = default, c12 = default, c13 = default;
        T c20 = default, c21 = default, c22 = default, c23 = default, c30 = default, c31 = default, c32 = default, c33 = default;
        for (nint k = 0; k < depth; k += T.Count)
        {
            var (u0, u1, u2, u3) = (T.Load(ref Unsafe.Add(ref b0, k)), T.Load(ref Unsafe.Add(ref b1, k)), T.Load(ref Unsafe.Add(ref b2, k)), T.Load(ref Unsafe.Add(ref b3, k)));
            var v = T.Load(ref Unsafe.Add(ref a0, k));
            (c00, c01, c02, c03) = (T.MultiplyAdd(v, u0, c00), T.MultiplyAdd(v, u1, c01), T.MultiplyAdd(v, u2, c02), T.MultiplyAdd(v, u3, c03));
            v = T.Load(ref Unsafe.Add(ref a1, k));
            (c10, c11, c12, c13) = (T.MultiplyAdd(v, u0, c10), T.MultiplyAdd(v, u1, c11), T.MultiplyAdd(v, u2, c12), T.MultiplyAdd(v, u3, c13));
            v = T.Load(ref Unsafe.Add(ref a2, k));
            (c20, c21, c22, c23) = (T.MultiplyAdd(v, u0, c20), T.MultiplyAdd(v, u1, c21), T.MultiplyAdd(v, u2, c22), T.MultiplyAdd(v, u3, c23));
            v = T.Load(ref Unsafe.Add(ref a3, k));
            (c30, c31, c32, c33) = (T.MultiplyAdd(v, u0, c30), T.MultiplyAdd(v, u1, c31), T.MultiplyAdd(v, u2, c32), T.MultiplyAdd(v, u3, c33));
        }
        ReadOnlySpan<double> sums =
        [
            T.Sum(c00), T.Sum(c01), T.Sum(c02), T.Sum(c03), T.Sum(c10), T.Sum(c11), T.Sum(c12), T.Sum(c13),
            T.Sum(c20), T.Sum(c21), T.Sum(c22), T.Sum(c23), T.Sum(c30), T.Sum(c31), T.Sum(c32), T.Sum(c33),
        ];
        for (var i = 0; i < sums.Length; i++)
        {
            tile[i] += sums[i];
        }
    }
}
