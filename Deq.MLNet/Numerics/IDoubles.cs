using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Deq.MLNet.Numerics;

/// <summary>Some numbers of float64 that are handled at a time, for a kernel that is written once.</summary>
internal interface IDoubles<TSelf> where TSelf : struct, IDoubles<TSelf>
{
    static abstract int Count { get; }

    static abstract TSelf Load(ref double from);

    /// <summary>a b + c.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    static abstract double Sum(TSelf value);
}

internal readonly struct Doubles512(Vector512<double> value) : IDoubles<Doubles512>
{
    private readonly Vector512<double> _value = value;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Doubles512 Load(ref double from) => new(Vector512.LoadUnsafe(ref from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Doubles512 MultiplyAdd(Doubles512 a, Doubles512 b, Doubles512 c) => new(Vector512.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum(Doubles512 value) => Vector512.Sum(value._value);
}

/// <summary>On a machine without such vectors they are made of smaller ones, or of single numbers.</summary>
internal readonly struct Doubles256(Vector256<double> value) : IDoubles<Doubles256>
{
    private readonly Vector256<double> _value = value;

    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Doubles256 Load(ref double from) => new(Vector256.LoadUnsafe(ref from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Doubles256 MultiplyAdd(Doubles256 a, Doubles256 b, Doubles256 c) => new(Vector256.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum(Doubles256 value) => Vector256.Sum(value._value);
}
