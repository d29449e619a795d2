namespace Deq.MLNet.Numerics;

/// <summary>erf(v), off by a few units in the last place: below 1/2 by its series (Abramowitz and Stegun 7.1.5), above from the tail of the normal distribution.</summary>
internal readonly struct ErrorFunctionMap : IElementwise
{
    private const float TwoOverRootPi = 1.128379167f;

    public static bool SlopeNeedsArgument => true;

    public static T Apply<T>(T v) where T : unmanaged, IWide<T>
    {
        var square = v * v;
        var series = T.MultiplyAdd(square, T.Create(1f / 9360), T.Create(-1f / 1320));
        series = T.MultiplyAdd(square, series, T.Create(1f / 216));
        series = T.MultiplyAdd(square, series, T.Create(-1f / 42));
        series = T.MultiplyAdd(square, series, T.Create(1f / 10));
        series = T.MultiplyAdd(square, series, T.Create(-1f / 3));
        var near = T.MultiplyAdd(square * v, series, v) * T.Create(TwoOverRootPi);
        // From 4 on erf is 1 in float32.
        var normal = T.Min(T.Abs(v), T.Create(4)) * T.Create(1.414213562f);
        var far = T.Create(1) - T.Create(2) * GaussianErrorLinear.ScaledTail(normal) * GaussianErrorLinear.Gauss(normal);
        return T.WhereLess(T.Abs(v), T.Create(0.5f), near, T.CopySign(far, v));
    }

    public static T Slope<T>(T value, T argument) where T : unmanaged, IWide<T> => T.Create(TwoOverRootPi) * T.Exp(T.Create(0) - argument * argument);
}
