using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Deq.MLNet.Equilibrium;
using Deq.MLNet.Numerics;

namespace Deq.MLNet;

/// <summary>The element-wise nonlinearity phi of a cell or a hidden layer.</summary>
public enum Activation
{
    /// <summary>max(v, 0). Slopes 0 and 1.</summary>
    ReLU = 0,

    /// <summary>The hyperbolic tangent. Slopes from 0 to 1.</summary>
    Tanh = 1,

    /// <summary>v for v &gt; 0, else 0.01 v. Slopes 0.01 and 1.</summary>
    LeakyReLU = 2,

    /// <summary>v (1 + erf(v / sqrt(2))) / 2, with the exact error function. Slopes from -0.129 to 1.129. Source: Hendrycks and Gimpel 2016.</summary>
    GELU = 3,

    /// <summary>log(1 + exp(v)). Slopes from 0 to 1.</summary>
    Softplus = 4,

    /// <summary>v: a linear equilibrium. Slope 1.</summary>
    Identity = 5,
}

internal static class ActivationExtensions
{
    /// <summary>The slope of LeakyReLU below zero.</summary>
    public const double Leak = LeakyRectifier.Leak;

    /// <summary>The error of phi in units in the last place, at the most.</summary>
    public const double ErrorUnits = 7;

    /// <summary>Applies phi in place: float32 by kernels of vectors, float64 to its own precision. A NaN stays a NaN.</summary>
    public static void Apply<T>(this Activation activation, Span<T> v) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (typeof(T) == typeof(float))
        {
            activation.Kernels().Activate(MemoryMarshal.Cast<T, float>(v));
            return;
        }
        switch (activation)
        {
            case Activation.ReLU: TensorPrimitives.Max(v, T.Zero, v); break;
            case Activation.Tanh:
                foreach (ref var value in v)
                {
                    value = T.Tanh(value);
                }
                break;
            case Activation.LeakyReLU: Scale(v, T.CreateChecked(Leak)); break;
            case Activation.GELU:
                foreach (ref var value in v)
                {
                    value = T.CreateChecked(ErrorFunction.Gelu(double.CreateChecked(value)));
                }
                break;
            case Activation.Softplus:
                foreach (ref var value in v)
                {
                    // log(1 + e) = max(v, 0) + log(1 + exp(-|v|)); what is rounded off 1 + e comes back by the quotient (Kahan), as T.LogP1 does not do.
                    var e = T.Exp(-T.Abs(value));
                    var sum = T.One + e;
                    value = T.Max(value, T.Zero) + (sum == T.One ? e : T.Log(sum) * e / (sum - T.One));
                }
                break;
            case Activation.Identity: break;
            default: throw new ArgumentOutOfRangeException(nameof(activation), activation, null);
        }
    }

    /// <summary>Overwrites pre-activations a with the slopes phi'(a); at a kink that from the left.</summary>
    public static void Slope<T>(this Activation activation, Span<T> a) where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (ref var value in a)
        {
            value = activation switch
            {
                Activation.ReLU => value > T.Zero ? T.One : T.Zero,
                Activation.Tanh => T.Tanh(value) is var t ? T.One - t * t : default,
                Activation.LeakyReLU => value > T.Zero ? T.One : T.CreateChecked(Leak),
                Activation.GELU => T.CreateChecked(ErrorFunction.GeluSlope(double.CreateChecked(value))),
                Activation.Softplus => T.One / (T.One + T.Exp(-value)),
                Activation.Identity => T.One,
                _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, null),
            };
        }
    }

    /// <summary>The largest slope of phi in magnitude: what a norm of W is multiplied by to bound the contraction factor.</summary>
    public static double Lipschitz(this Activation activation) => activation switch
    {
        Activation.ReLU or Activation.Tanh or Activation.LeakyReLU or Activation.Softplus or Activation.Identity => 1,
        // At sqrt(2); rounded up.
        Activation.GELU => 1.1289041452,
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, null),
    };

    /// <summary>Whether phi is made of straight lines: Newton is then exact, a triangular cell with a diagonal has a closed form, and phi is a proximal map that is known for every step.</summary>
    public static bool IsPiecewiseLinear(this Activation activation) => activation is Activation.ReLU or Activation.LeakyReLU or Activation.Identity;

    /// <summary>
    /// Applies prox of step * g in place, where phi itself is prox of g (Winston and Kolter 2020): ReLU and the identity are the same for every step,
    /// the leak of LeakyReLU goes with it.
    /// </summary>
    public static void Proximal<T>(this Activation activation, double step, Span<T> v) where T : unmanaged, IFloatingPointIeee754<T>
    {
        switch (activation)
        {
            case Activation.ReLU or Activation.Identity: activation.Apply(v); break;
            case Activation.LeakyReLU: Scale(v, T.CreateChecked(ProximalLeak(step))); break;
            default: throw new NotSupportedException($"{activation} has no proximal form here.");
        }
    }

    /// <summary>The slope below zero of LeakyReLU's proximal form.</summary>
    public static double ProximalLeak(double step) => 1 / (1 + step * (1 / Leak - 1));

    private static void Scale<T>(Span<T> v, T leak) where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (ref var value in v)
        {
            value = value > T.Zero ? value : leak * value;
        }
    }
}
