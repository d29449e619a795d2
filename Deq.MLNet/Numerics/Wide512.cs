using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Deq.MLNet.Numerics;

/// <summary>16 floats.</summary>
internal readonly unsafe struct Wide512(Vector512<float> value) : IWide<Wide512>
{
    private readonly Vector512<float> _value = value;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 Load(float* from) => new(Vector512.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* to, Wide512 value) => value._value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 LoadFirst(float* from, int count) => Avx512F.IsSupported ? new(Avx512F.MaskLoad(from, Before(count), Vector512<float>.Zero)) : LoadEach(from, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFirst(float* to, Wide512 value, int count)
    {
        if (Avx512F.IsSupported)
        {
            Avx512F.MaskStore(to, Before(count), value._value);
        }
        else
        {
            StoreEach(to, value, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 First(Wide512 value, int count) => new(value._value & Before(count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NonZero(Wide512 value) => (uint)Vector512.ExtractMostSignificantBits(~Vector512.Equals(value._value, Vector512<float>.Zero));

    /// <summary>All bits of the first ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Before(int count) => Vector512.LessThan(Vector512<float>.Indices, Vector512.Create((float)count));

    private static Wide512 LoadEach(float* from, int count)
    {
        var values = stackalloc float[Count];
        for (var i = 0; i < Count; i++)
        {
            values[i] = i < count ? from[i] : 0;
        }
        return Load(values);
    }

    private static void StoreEach(float* to, Wide512 value, int count)
    {
        var values = stackalloc float[Count];
        Store(values, value);
        for (var i = 0; i < count; i++)
        {
            to[i] = values[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 Create(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 MultiplyAdd(Wide512 a, Wide512 b, Wide512 c) => new(Vector512.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 Max(Wide512 a, Wide512 b) => new(Vector512.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 Min(Wide512 a, Wide512 b) => new(Vector512.Min(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 Abs(Wide512 value) => new(Vector512.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 CopySign(Wide512 value, Wide512 sign) => new(Vector512.CopySign(value._value, sign._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 Sqrt(Wide512 value) => new(Vector512.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 Exp(Wide512 value) => new(Vector512.Exp(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 Log(Wide512 value) => new(Vector512.Log(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 WhereLess(Wide512 a, Wide512 b, Wide512 then, Wide512 otherwise) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(a._value, b._value), then._value, otherwise._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Wide512 value) => Vector512.Sum(value._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SumEach(float* eight)
    {
        return Avx.IsSupported
            ? Wide256.SumEach(Half(eight), Half(eight + 16), Half(eight + 32), Half(eight + 48), Half(eight + 64), Half(eight + 80), Half(eight + 96), Half(eight + 112))
            : Vector256.Create(Sum(Load(eight)), Sum(Load(eight + 16)), Sum(Load(eight + 32)), Sum(Load(eight + 48)), Sum(Load(eight + 64)), Sum(Load(eight + 80)), Sum(Load(eight + 96)), Sum(Load(eight + 112)));

        static Vector256<float> Half(float* from) => Vector256.Load(from) + Vector256.Load(from + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 operator +(Wide512 a, Wide512 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 operator -(Wide512 a, Wide512 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 operator *(Wide512 a, Wide512 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 operator /(Wide512 a, Wide512 b) => new(a._value / b._value);

    /// <summary>16 sums in registers: 8 rows of two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyTile(float* a, nint rowStride, nint depthStride, float* panel, nint panelStride, nint depth, float* tile)
    {
        Vector512<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default, s60 = default, s61 = default, s70 = default, s71 = default;
        var a3 = a + 3 * rowStride;
        var a6 = a + 6 * rowStride;
        var two = 2 * rowStride;
        for (; depth > 0; depth--)
        {
            var (b0, b1) = (Vector512.Load(panel), Vector512.Load(panel + 16));
            var x = Vector512.Create(*a);
            s00 = Vector512.MultiplyAddEstimate(x, b0, s00);
            s01 = Vector512.MultiplyAddEstimate(x, b1, s01);
            x = Vector512.Create(a[rowStride]);
            s10 = Vector512.MultiplyAddEstimate(x, b0, s10);
            s11 = Vector512.MultiplyAddEstimate(x, b1, s11);
            x = Vector512.Create(a[two]);
            s20 = Vector512.MultiplyAddEstimate(x, b0, s20);
            s21 = Vector512.MultiplyAddEstimate(x, b1, s21);
            x = Vector512.Create(*a3);
            s30 = Vector512.MultiplyAddEstimate(x, b0, s30);
            s31 = Vector512.MultiplyAddEstimate(x, b1, s31);
            x = Vector512.Create(a3[rowStride]);
            s40 = Vector512.MultiplyAddEstimate(x, b0, s40);
            s41 = Vector512.MultiplyAddEstimate(x, b1, s41);
            x = Vector512.Create(a3[two]);
            s50 = Vector512.MultiplyAddEstimate(x, b0, s50);
            s51 = Vector512.MultiplyAddEstimate(x, b1, s51);
            x = Vector512.Create(*a6);
            s60 = Vector512.MultiplyAddEstimate(x, b0, s60);
            s61 = Vector512.MultiplyAddEstimate(x, b1, s61);
            x = Vector512.Create(a6[rowStride]);
            s70 = Vector512.MultiplyAddEstimate(x, b0, s70);
            s71 = Vector512.MultiplyAddEstimate(x, b1, s71);
            panel += panelStride;
            a += depthStride;
            a3 += depthStride;
            a6 += depthStride;
        }
        s00.Store(tile);
        s01.Store(tile + 16);
        s10.Store(tile + 32);
        s11.Store(tile + 48);
        s20.Store(tile + 64);
        s21.Store(tile + 80);
        s30.Store(tile + 96);
        s31.Store(tile + 112);
        s40.Store(tile + 128);
        s41.Store(tile + 144);
        s50.Store(tile + 160);
        s51.Store(tile + 176);
        s60.Store(tile + 192);
        s61.Store(tile + 208);
        s70.Store(tile + 224);
        s71.Store(tile + 240);
    }
}
