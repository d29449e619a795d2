using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Deq.MLNet.Numerics;

/// <summary>8 floats.</summary>
internal readonly unsafe struct Wide256(Vector256<float> value) : IWide<Wide256>
{
    private readonly Vector256<float> _value = value;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 Load(float* from) => new(Vector256.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* to, Wide256 value) => value._value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 LoadFirst(float* from, int count) => Avx.IsSupported ? new(Avx.MaskLoad(from, Before(count))) : LoadEach(from, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFirst(float* to, Wide256 value, int count)
    {
        if (Avx.IsSupported)
        {
            Avx.MaskStore(to, Before(count), value._value);
        }
        else
        {
            StoreEach(to, value, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 First(Wide256 value, int count) => new(value._value & Before(count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NonZero(Wide256 value) => Vector256.ExtractMostSignificantBits(~Vector256.Equals(value._value, Vector256<float>.Zero));

    /// <summary>All bits of the first ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Before(int count) => Vector256.LessThan(Vector256<float>.Indices, Vector256.Create((float)count));

    private static Wide256 LoadEach(float* from, int count)
    {
        var values = stackalloc float[Count];
        for (var i = 0; i < Count; i++)
        {
            values[i] = i < count ? from[i] : 0;
        }
        return Load(values);
    }

    private static void StoreEach(float* to, Wide256 value, int count)
    {
        var values = stackalloc float[Count];
        Store(values, value);
        for (var i = 0; i < count; i++)
        {
            to[i] = values[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 Create(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 MultiplyAdd(Wide256 a, Wide256 b, Wide256 c) => new(Vector256.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 Max(Wide256 a, Wide256 b) => new(Vector256.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 Min(Wide256 a, Wide256 b) => new(Vector256.Min(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 Abs(Wide256 value) => new(Vector256.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 CopySign(Wide256 value, Wide256 sign) => new(Vector256.CopySign(value._value, sign._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 Sqrt(Wide256 value) => new(Vector256.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 Exp(Wide256 value) => new(Vector256.Exp(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 Log(Wide256 value) => new(Vector256.Log(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 WhereLess(Wide256 a, Wide256 b, Wide256 then, Wide256 otherwise) =>
        new(Vector256.ConditionalSelect(Vector256.LessThan(a._value, b._value), then._value, otherwise._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Wide256 value) => Vector256.Sum(value._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SumEach(float* eight) =>
        SumEach(Vector256.Load(eight), Vector256.Load(eight + 8), Vector256.Load(eight + 16), Vector256.Load(eight + 24), Vector256.Load(eight + 32), Vector256.Load(eight + 40), Vector256.Load(eight + 48), Vector256.Load(eight + 56));

    /// <summary>The sums of eight vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SumEach(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d, Vector256<float> e, Vector256<float> f, Vector256<float> g, Vector256<float> h)
    {
        if (!Avx.IsSupported)
        {
            return Vector256.Create(Vector256.Sum(a), Vector256.Sum(b), Vector256.Sum(c), Vector256.Sum(d), Vector256.Sum(e), Vector256.Sum(f), Vector256.Sum(g), Vector256.Sum(h));
        }
        // Neighbours are added twice, then the two halves.
        var first = Avx.HorizontalAdd(Avx.HorizontalAdd(a, b), Avx.HorizontalAdd(c, d));
        var second = Avx.HorizontalAdd(Avx.HorizontalAdd(e, f), Avx.HorizontalAdd(g, h));
        return Avx.Permute2x128(first, second, 0x20) + Avx.Permute2x128(first, second, 0x31);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 operator +(Wide256 a, Wide256 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 operator -(Wide256 a, Wide256 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 operator *(Wide256 a, Wide256 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 operator /(Wide256 a, Wide256 b) => new(a._value / b._value);

    public static void MultiplyTile(float* a, nint rowStride, nint depthStride, float* panel, nint panelStride, nint depth, float* tile)
    {
        for (var row = 0; row < 8; row += 4)
        {
            for (var column = 0; column < 32; column += 16)
            {
                MultiplyPart(a + row * rowStride, rowStride, depthStride, panel + column, panelStride, depth, tile + row * 32 + column);
            }
        }
    }

    /// <summary>8 sums in registers: 4 rows of 2 vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyPart(float* a, nint rowStride, nint depthStride, float* panel, nint panelStride, nint depth, float* tile)
    {
        Vector256<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default;
        var a2 = a + 2 * rowStride;
        for (; depth > 0; depth--)
        {
            var (b0, b1) = (Vector256.Load(panel), Vector256.Load(panel + 8));
            var x = Vector256.Create(*a);
            s00 = Vector256.MultiplyAddEstimate(x, b0, s00);
            s01 = Vector256.MultiplyAddEstimate(x, b1, s01);
            x = Vector256.Create(a[rowStride]);
            s10 = Vector256.MultiplyAddEstimate(x, b0, s10);
            s11 = Vector256.MultiplyAddEstimate(x, b1, s11);
            x = Vector256.Create(*a2);
            s20 = Vector256.MultiplyAddEstimate(x, b0, s20);
            s21 = Vector256.MultiplyAddEstimate(x, b1, s21);
            x = Vector256.Create(a2[rowStride]);
            s30 = Vector256.MultiplyAddEstimate(x, b0, s30);
            s31 = Vector256.MultiplyAddEstimate(x, b1, s31);
            panel += panelStride;
            a += depthStride;
            a2 += depthStride;
        }
        s00.Store(tile);
        s01.Store(tile + 8);
        s10.Store(tile + 32);
        s11.Store(tile + 40);
        s20.Store(tile + 64);
        s21.Store(tile + 72);
        s30.Store(tile + 96);
        s31.Store(tile + 104);
    }
}
