using System.Numerics;
using System.Numerics.Tensors;

namespace Deq.MLNet.Equilibrium;

/// <summary>gain * (a - mean(a)) / sqrt(var(a) + eps) + shift over the d pre-activations of a row. Source: Ba, Kiros, Hinton, "Layer normalization", 2016.</summary>
internal sealed class LayerNorm<T>(T[] gain, T[] shift) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _size = T.CreateChecked(gain.Length);
    private readonly double _largestGain = double.CreateChecked(T.Abs(TensorPrimitives.MaxMagnitude<T>(gain)));

    /// <summary>Normalises in place.</summary>
    public void Apply(Span<T> a)
    {
        TensorPrimitives.Subtract(a, TensorPrimitives.Sum<T>(a) / _size, a);
        var variance = TensorPrimitives.SumOfSquares<T>(a) / _size;
        TensorPrimitives.Divide(a, T.Sqrt(variance + T.CreateChecked(LayerNorm.Epsilon)), a);
        TensorPrimitives.MultiplyAdd<T>(a, gain, shift, a);
    }

    /// <summary>Writes gain * (v - mean(v) - n mean(n v)) / sqrt(var + eps) over v: the derivative at some a, n being (a - mean(a)) / sqrt(var(a) + eps), in the direction v.</summary>
    public void Push(ReadOnlySpan<T> a, Span<T> v)
    {
        var n = a.ToArray();
        TensorPrimitives.Subtract<T>(n, TensorPrimitives.Sum<T>(n) / _size, n);
        var inverse = T.One / T.Sqrt(TensorPrimitives.SumOfSquares<T>(n) / _size + T.CreateChecked(LayerNorm.Epsilon));
        TensorPrimitives.Multiply<T>(n, inverse, n);
        var along = TensorPrimitives.Dot<T>(n, v) / _size;
        TensorPrimitives.Subtract(v, TensorPrimitives.Sum<T>(v) / _size, v);
        TensorPrimitives.MultiplyAdd<T>(n, -along, v, v);
        TensorPrimitives.Multiply<T>(v, gain, v);
        TensorPrimitives.Multiply(v, inverse, v);
    }

    /// <summary>The error, in units of the type's epsilon, that follows from one of the sums W z + u, and from the normalisation itself.</summary>
    public double RoundingError(double ofSums, ReadOnlySpan<T> w, ReadOnlySpan<T> z, ReadOnlySpan<T> injection)
    {
        // The sums again, twice, for there is no room to keep them; called where a search has come to a halt only.
        double mean = 0, variance = 0;
        for (var i = 0; i < z.Length; i++)
        {
            mean += Sum(w, z, injection, i) / z.Length;
        }
        for (var i = 0; i < z.Length; i++)
        {
            variance += Math.Pow(Sum(w, z, injection, i) - mean, 2) / z.Length;
        }
        // A mean that is taken off adds an error of its own size; dividing by the deviation stretches both.
        var taken = Math.Sqrt(z.Length) * Math.Abs(mean);
        return _largestGain * ((ofSums + taken) / Math.Sqrt(variance + LayerNorm.Epsilon) + LayerNorm.UnitsOfItself * Math.Sqrt(z.Length)) + double.CreateChecked(TensorPrimitives.Norm<T>(shift));
    }

    private static double Sum(ReadOnlySpan<T> w, ReadOnlySpan<T> z, ReadOnlySpan<T> injection, int row) =>
        double.CreateChecked(TensorPrimitives.Dot(w.Slice(row * z.Length, z.Length), z) + injection[row]);
}

internal static class LayerNorm
{
    /// <summary>Added to the variance: states that are all the same have a normal form too.</summary>
    public const double Epsilon = 1e-5;

    /// <summary>The rounding of the normalisation's own steps, in units in the last place.</summary>
    public const double UnitsOfItself = 3;
}
