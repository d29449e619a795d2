using System.Runtime.Intrinsics;

namespace Deq.MLNet.Numerics;

/// <summary>How many floats the kernels take at a time.</summary>
internal enum VectorForm
{
    /// <summary>4; of any machine, by single numbers where there is nothing better.</summary>
    Vector128 = 4,

    /// <summary>8.</summary>
    Vector256 = 8,

    /// <summary>16.</summary>
    Vector512 = 16,
}

/// <summary>Some floats that are handled at a time. Kernels are written once, over this, and compiled for each form.</summary>
internal unsafe interface IWide<TSelf> where TSelf : unmanaged, IWide<TSelf>
{
    static abstract int Count { get; }

    static abstract TSelf Load(float* from);

    static abstract void Store(float* to, TSelf value);

    /// <summary>The first <paramref name="count"/> floats, 0 to Count of them, and zeros; no other is read.</summary>
    static abstract TSelf LoadFirst(float* from, int count);

    /// <summary>Writes the first <paramref name="count"/> alone.</summary>
    static abstract void StoreFirst(float* to, TSelf value, int count);

    /// <summary>The first <paramref name="count"/> as they are, the others zero.</summary>
    static abstract TSelf First(TSelf value, int count);

    /// <summary>A bit for each, the lowest for the first: whether it is not zero.</summary>
    static abstract uint NonZero(TSelf value);

    static abstract TSelf Create(float value);

    /// <summary>a b + c, in one rounding where the machine has that.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>The larger ones; NaN where b is.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    static abstract TSelf Min(TSelf a, TSelf b);

    static abstract TSelf Abs(TSelf value);

    static abstract TSelf CopySign(TSelf value, TSelf sign);

    static abstract TSelf Sqrt(TSelf value);

    static abstract TSelf Exp(TSelf value);

    static abstract TSelf Log(TSelf value);

    /// <summary>Of <paramref name="then"/> where a is below b, else of <paramref name="otherwise"/>; the latter where one of them is NaN.</summary>
    static abstract TSelf WhereLess(TSelf a, TSelf b, TSelf then, TSelf otherwise);

    static abstract float Sum(TSelf value);

    /// <summary>The sums of eight vectors that lie one after another.</summary>
    static abstract Vector256<float> SumEach(float* eight);

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    /// <summary>The tile A P of 8 rows and 32 columns; <see cref="Tile"/> says of what.</summary>
    static abstract void MultiplyTile(float* a, nint rowStride, nint depthStride, float* panel, nint panelStride, nint depth, float* tile);
}
