using System.Numerics;
using System.Runtime.CompilerServices;

namespace Deq.MLNet.Errors;

/// <summary>Argument checks whose messages name the option, its value and the range it must lie in.</summary>
internal static class Check
{
    public static T AtLeast<T>(T value, T minimum, [CallerArgumentExpression(nameof(value))] string? name = null) where T : INumber<T> =>
        value >= minimum ? value : throw new ArgumentOutOfRangeException(name, value, FormattableString.Invariant($"{name} is {value}; it must be at least {minimum}."));

    public static T AtMost<T>(T value, T maximum, [CallerArgumentExpression(nameof(value))] string? name = null) where T : INumber<T> =>
        value <= maximum ? value : throw new ArgumentOutOfRangeException(name, value, FormattableString.Invariant($"{name} is {value}; it must be at most {maximum}."));

    public static T Above<T>(T value, T limit, [CallerArgumentExpression(nameof(value))] string? name = null) where T : INumber<T> =>
        value > limit && T.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(name, value, FormattableString.Invariant($"{name} is {value}; it must be above {limit} and finite."));

    public static T Positive<T>(T value, [CallerArgumentExpression(nameof(value))] string? name = null) where T : INumber<T> =>
        value > T.Zero && T.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(name, value, FormattableString.Invariant($"{name} is {value}; it must be positive and finite."));

    public static T Finite<T>(T value, [CallerArgumentExpression(nameof(value))] string? name = null) where T : INumber<T> =>
        T.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(name, value, FormattableString.Invariant($"{name} is {value}; it must be finite."));

    /// <summary>Checks that minimum is at most the value, and the value below the maximum.</summary>
    public static T Within<T>(T value, T minimum, T maximum, [CallerArgumentExpression(nameof(value))] string? name = null) where T : INumber<T> =>
        value >= minimum && value < maximum
            ? value
            : throw new ArgumentOutOfRangeException(name, value, FormattableString.Invariant($"{name} is {value}; it must be at least {minimum} and below {maximum}."));

    public static T NotNull<T>(T? value, [CallerArgumentExpression(nameof(value))] string? name = null) where T : class =>
        value ?? throw new ArgumentNullException(name, $"{name} is null; give a value or leave the default.");

    public static T Defined<T>(T value, [CallerArgumentExpression(nameof(value))] string? name = null) where T : struct, Enum =>
        Enum.IsDefined(value)
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be one of {string.Join(", ", Enum.GetNames<T>())}.");

    public static ReadOnlySpan<T> Length<T>(ReadOnlySpan<T> values, int expected, string shape, [CallerArgumentExpression(nameof(values))] string? name = null) =>
        values.Length == expected ? values : throw new ArgumentException($"{name} has {values.Length} values; its shape {shape} needs {expected}.", name);
}
