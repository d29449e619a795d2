using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Deq.MLNet.Numerics;

/// <summary>4 floats.</summary>
internal readonly unsafe struct Wide128(Vector128<float> value) : IWide<Wide128>
{
    private readonly Vector128<float> _value = value;

    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 Load(float* from) => new(Vector128.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* to, Wide128 value) => value._value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 LoadFirst(float* from, int count) => Avx.IsSupported ? new(Avx.MaskLoad(from, Before(count))) : LoadEach(from, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFirst(float* to, Wide128 value, int count)
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
    public static Wide128 First(Wide128 value, int count) => new(value._value & Before(count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NonZero(Wide128 value) => Vector128.ExtractMostSignificantBits(~Vector128.Equals(value._value, Vector128<float>.Zero));

    /// <summary>All bits of the first ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Before(int count) => Vector128.LessThan(Vector128<float>.Indices, Vector128.Create((float)count));

    private static Wide128 LoadEach(float* from, int count)
    {
        var values = stackalloc float[Count];
        for (var i = 0; i < Count; i++)
        {
            values[i] = i < count ? from[i] : 0;
        }
        return Load(values);
    }

    private static void StoreEach(float* to, Wide128 value, int count)
    {
        var values = stackalloc float[Count];
        Store(values, value);
        for (var i = 0; i < count; i++)
        {
            to[i] = values[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 Create(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 MultiplyAdd(Wide128 a, Wide128 b, Wide128 c) => new(Vector128.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 Max(Wide128 a, Wide128 b) => new(Vector128.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 Min(Wide128 a, Wide128 b) => new(Vector128.Min(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 Abs(Wide128 value) => new(Vector128.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 CopySign(Wide128 value, Wide128 sign) => new(Vector128.CopySign(value._value, sign._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 Sqrt(Wide128 value) => new(Vector128.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 Exp(Wide128 value) => new(Vector128.Exp(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 Log(Wide128 value) => new(Vector128.Log(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 WhereLess(Wide128 a, Wide128 b, Wide128 then, Wide128 otherwise) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(a._value, b._value), then._value, otherwise._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float First(Wide128 value) => value._value[0];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Wide128 value) => Vector128.Sum(value._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SumEach(float* eight) =>
        Vector256.Create(Sum(Load(eight)), Sum(Load(eight + 4)), Sum(Load(eight + 8)), Sum(Load(eight + 12)), Sum(Load(eight + 16)), Sum(Load(eight + 20)), Sum(Load(eight + 24)), Sum(Load(eight + 28)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 operator +(Wide128 a, Wide128 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 operator -(Wide128 a, Wide128 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 operator *(Wide128 a, Wide128 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide128 operator /(Wide128 a, Wide128 b) => new(a._value / b._value);

    public static void MultiplyTile(float* a, nint rowStride, nint depthStride, float* panel, nint panelStride, nint depth, float* tile)
    {
        for (var row = 0; row < 8; row += 4)
        {
            for (var column = 0; column < 32; column += 8)
            {
                MultiplyPart(a + row * rowStride, rowStride, depthStride, panel + column, panelStride, depth, tile + row * 32 + column);
            }
        }
    }

    /// <summary>8 sums in registers: 4 rows of 2 vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyPart(float* a, nint rowStride, nint depthStride, float* panel, nint panelStride, nint depth, float* tile)
    {
        Vector128<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default;
        var a2 = a + 2 * rowStride;
        for (; depth > 0; depth--)
        {
            var (b0, b1) = (Vector128.Load(panel), Vector128.Load(panel + 4));
            var x = Vector128.Create(*a);
            s00 = Vector128.MultiplyAddEstimate(x, b0, s00);
            s01 = Vector128.MultiplyAddEstimate(x, b1, s01);
            x = Vector128.Create(a[rowStride]);
            s10 = Vector128.MultiplyAddEstimate(x, b0, s10);
            s11 = Vector128.MultiplyAddEstimate(x, b1, s11);
            x = Vector128.Create(*a2);
            s20 = Vector128.MultiplyAddEstimate(x, b0, s20);
            s21 = Vector128.MultiplyAddEstimate(x, b1, s21);
            x = Vector128.Create(a2[rowStride]);
            s30 = Vector128.MultiplyAddEstimate(x, b0, s30);
            s31 = Vector128.MultiplyAddEstimate(x, b1, s31);
            panel += panelStride;
            a += depthStride;
            a2 += depthStride;
        }
        s00.Store(tile);
        s01.Store(tile + 4);
        s10.Store(tile + 32);
        s11.Store(tile + 36);
        s20.Store(tile + 64);
        s21.Store(tile + 68);
        s30.Store(tile + 96);
        s31.Store(tile + 100);
    }
}
