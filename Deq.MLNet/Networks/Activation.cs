using System.Numerics;
using System.Numerics.Tensors;
using Deq.MLNet.Numerics;

namespace Deq.MLNet;

/// <summary>The element-wise nonlinearity phi of a cell or a hidden layer. Both have slopes between 0 and 1.</summary>
public enum Activation
{
    /// <summary>max(v, 0).</summary>
    ReLU = 0,

    /// <summary>The hyperbolic tangent.</summary>
    Tanh = 1,
}

internal static class ActivationExtensions
{
    /// <summary>Applies phi in place. A NaN stays a NaN.</summary>
    public static void Apply<T>(this Activation activation, Span<T> v) where T : unmanaged, IFloatingPointIeee754<T>
    {
        switch (activation)
        {
            case Activation.ReLU: TensorPrimitives.Max(v, T.Zero, v); break;
            case Activation.Tanh: Kernels.Tanh(v); break;
            default: throw new ArgumentOutOfRangeException(nameof(activation), activation, null);
        }
    }

    /// <summary>The largest slope of phi: what a norm of W is multiplied by to bound the contraction factor.</summary>
    public static double Lipschitz(this Activation activation) => activation switch
    {
        Activation.ReLU or Activation.Tanh => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, null),
    };
}
