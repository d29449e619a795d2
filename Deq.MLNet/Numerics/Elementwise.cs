namespace Deq.MLNet.Numerics;

/// <summary>A function of one number and its slope, over vectors of any form; a NaN stays a NaN.</summary>
internal interface IElementwise
{
    /// <summary>Whether the slope is read from the argument; else from the value alone.</summary>
    static abstract bool SlopeNeedsArgument { get; }

    static abstract T Apply<T>(T v) where T : unmanaged, IWide<T>;

    /// <summary>The slope, at a kink that from the left.</summary>
    /// <param name="value">What Apply gave.</param>
    /// <param name="argument">What it was given; anything where it is not needed.</param>
    static abstract T Slope<T>(T value, T argument) where T : unmanaged, IWide<T>;
}

/// <summary>v.</summary>
internal readonly struct IdentityMap : IElementwise
{
    public static bool SlopeNeedsArgument => false;

    public static T Apply<T>(T v) where T : unmanaged, IWide<T> => v;

    public static T Slope<T>(T value, T argument) where T : unmanaged, IWide<T> => T.Create(1);
}

/// <summary>max(v, 0).</summary>
internal readonly struct Rectifier : IElementwise
{
    public static bool SlopeNeedsArgument => false;

    public static T Apply<T>(T v) where T : unmanaged, IWide<T> => T.Max(T.Create(0), v);

    public static T Slope<T>(T value, T argument) where T : unmanaged, IWide<T> => T.WhereLess(T.Create(0), value, T.Create(1), T.Create(0));
}

/// <summary>v above 0, 0.01 v below.</summary>
internal readonly struct LeakyRectifier : IElementwise
{
    public const double Leak = 0.01;

    public static bool SlopeNeedsArgument => false;

    public static T Apply<T>(T v) where T : unmanaged, IWide<T> => T.Max(v * T.Create((float)Leak), v);

    public static T Slope<T>(T value, T argument) where T : unmanaged, IWide<T> => T.WhereLess(T.Create(0), value, T.Create(1), T.Create((float)Leak));
}

/// <summary>The hyperbolic tangent, to a few units in the last place for arguments of any size.</summary>
internal readonly struct HyperbolicTangent : IElementwise
{
    public static bool SlopeNeedsArgument => false;

    public static T Apply<T>(T v) where T : unmanaged, IWide<T>
    {
        var size = T.Abs(v);
        var s = size * size;
        // Below 0.35 the Taylor series to the 11th power is exact to float32; above, 1 - 2 / (e^2x + 1) loses no digits.
        var series = T.MultiplyAdd(s, T.Create(-1382f / 155925), T.Create(62f / 2835));
        series = T.MultiplyAdd(s, series, T.Create(-17f / 315));
        series = T.MultiplyAdd(s, series, T.Create(2f / 15));
        series = T.MultiplyAdd(s, series, T.Create(-1f / 3));
        series = T.MultiplyAdd(size * s, series, size);
        var exact = T.Create(1) - T.Create(2) / (T.Exp(size + size) + T.Create(1));
        return T.CopySign(T.WhereLess(size, T.Create(0.35f), series, exact), v);
    }

    public static T Slope<T>(T value, T argument) where T : unmanaged, IWide<T> => T.Create(1) - value * value;
}

/// <summary>log(1 + exp(v)).</summary>
internal readonly struct SoftPlus : IElementwise
{
    public static bool SlopeNeedsArgument => true;

    public static T Apply<T>(T v) where T : unmanaged, IWide<T>
    {
        // max(v, 0) + log(1 + e), e = exp(-|v|); what is rounded off 1 + e comes back by the quotient (Kahan).
        var e = T.Exp(T.Create(0) - T.Abs(v));
        var sum = T.Create(1) + e;
        var lost = sum - T.Create(1);
        var tail = T.WhereLess(T.Create(0), lost, T.Log(sum) * e / lost, e);
        return T.Max(T.Create(0), v) + tail;
    }

    public static T Slope<T>(T value, T argument) where T : unmanaged, IWide<T> => T.Create(1) / (T.Create(1) + T.Exp(T.Create(0) - argument));
}
