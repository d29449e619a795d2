using System.Numerics;
using System.Numerics.Tensors;

namespace Deq.MLNet.Equilibrium;

/// <summary>gain * (a - mean(a)) / sqrt(var(a) + eps) + shift over the d pre-activations of a row. Source: Ba, Kiros, Hinton, "Layer normalization", 2016.</summary>
internal sealed class LayerNorm<T>(T[] gain, T[] shift) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _size = T.CreateChecked(gain.Length);

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

    /// <summary>Normalises sums, and brings the bounds of their errors through it: one error moves the mean and the variance, which all states share.</summary>
    public void Spread(Span<double> sums, Span<double> errors, double epsilon)
    {
        var (mean, error) = (TensorPrimitives.Sum<double>(sums) / sums.Length, TensorPrimitives.Sum<double>(errors) / sums.Length);
        TensorPrimitives.Subtract(sums, mean, sums);
        var deviation = Math.Sqrt(TensorPrimitives.SumOfSquares<double>(sums) / sums.Length + LayerNorm.Epsilon);
        for (var i = 0; i < sums.Length; i++)
        {
            var (g, s, normal) = (double.CreateChecked(gain[i]), double.CreateChecked(shift[i]), sums[i] / deviation);
            sums[i] = g * normal + s;
            errors[i] = Math.Abs(g) * ((errors[i] + (1 + Math.Abs(normal)) * error + epsilon * Math.Abs(mean)) / deviation + LayerNorm.UnitsOfItself * epsilon) + epsilon * Math.Abs(s);
        }
    }
}

internal static class LayerNorm
{
    /// <summary>Added to the variance: states that are all the same have a normal form too.</summary>
    public const double Epsilon = 1e-5;

    /// <summary>The rounding of the normalisation's own steps, in units in the last place.</summary>
    public const double UnitsOfItself = 3;
}
