using System.Numerics;
using System.Numerics.Tensors;

namespace Deq.MLNet;

/// <summary>What stands between the last affine layer and the output of a network.</summary>
public enum Link
{
    /// <summary>The output is the affine value.</summary>
    Identity = 0,

    /// <summary>exp of each output: the mean of a model with log link.</summary>
    Exp = 1,

    /// <summary>1 / (1 + exp(-v)) of each output.</summary>
    Logistic = 2,

    /// <summary>exp of each output over the sum of all.</summary>
    Softmax = 3,
}

internal static class LinkExtensions
{
    /// <summary>Applies the link in place.</summary>
    public static void Apply<T>(this Link link, Span<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        switch (link)
        {
            case Link.Identity: break;
            case Link.Exp: TensorPrimitives.Exp(y, y); break;
            case Link.Logistic: TensorPrimitives.Sigmoid(y, y); break;
            case Link.Softmax:
                // The largest is taken off first: exp of a large logit would overflow.
                TensorPrimitives.Subtract(y, TensorPrimitives.Max<T>(y), y);
                TensorPrimitives.SoftMax(y, y);
                break;
            default: throw new ArgumentOutOfRangeException(nameof(link), link, null);
        }
    }
}
