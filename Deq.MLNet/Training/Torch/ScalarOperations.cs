using TorchSharp;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Operations of a tensor with a number; those in place return the tensor itself.</summary>
/// <remarks>
/// TorchSharp gives native code the handle of a Scalar object that the garbage collector may free while the call runs, also of one that TorchSharp makes itself
/// (adding a tensor is adding 1 times it). The number read then is garbage, or an exception. Here every Scalar is held until its call is over,
/// and nowhere else in this library does one meet a tensor; a test reads that from the compiled assembly.
/// </remarks>
internal static class ScalarOperations
{
    private static readonly Scalar One = 1.0, WholeOne = 1L;

    public static Tensor AddInPlace(this Tensor tensor, Tensor other) => tensor.add_(other, One);

    public static Tensor AddInPlace(this Tensor tensor, Tensor other, double factor)
    {
        using Scalar held = factor;
        return tensor.add_(other, held);
    }

    public static Tensor AddInPlace(this Tensor tensor, double number)
    {
        using Scalar held = number;
        return tensor.add_(held, One);
    }

    public static Tensor MultiplyInPlace(this Tensor tensor, double number)
    {
        using Scalar held = number;
        return tensor.mul_(held);
    }

    /// <summary>Of a tensor of integers.</summary>
    public static Tensor AddWholeInPlace(this Tensor tensor, long number)
    {
        using Scalar held = number;
        return tensor.add_(held, WholeOne);
    }

    /// <summary>(1 - share) * tensor + share * other. Not by lerp, for which TorchSharp makes a tensor on the CPU of the number.</summary>
    public static Tensor MoveInPlace(this Tensor tensor, Tensor other, double share) => tensor.MultiplyInPlace(1 - share).AddInPlace(other, share);

    /// <summary>tensor + factor * a * b.</summary>
    public static Tensor AddProductInPlace(this Tensor tensor, Tensor a, Tensor b, double factor)
    {
        using Scalar held = factor;
        return tensor.addcmul_(a, b, held);
    }

    /// <summary>tensor + factor * a / b.</summary>
    public static Tensor AddQuotientInPlace(this Tensor tensor, Tensor a, Tensor b, double factor)
    {
        using Scalar held = factor;
        return tensor.addcdiv_(a, b, held);
    }

    public static Tensor RaiseInPlace(this Tensor tensor, double least)
    {
        using Scalar held = least;
        return tensor.clamp_min_(held);
    }

    public static Tensor LowerInPlace(this Tensor tensor, double most)
    {
        using Scalar held = most;
        return tensor.clamp_max_(held);
    }

    /// <summary>Writes a number where a mask is true.</summary>
    public static Tensor SetInPlace(this Tensor tensor, Tensor mask, double number)
    {
        using Scalar held = number;
        return tensor.masked_fill_(mask, held);
    }

    public static Tensor RaisedTo(this Tensor tensor, double power)
    {
        using Scalar held = power;
        return tensor.pow(held);
    }

    public static Tensor IsAbove(this Tensor tensor, double number)
    {
        using Scalar held = number;
        return tensor.gt(held);
    }

    public static Tensor IsAtLeast(this Tensor tensor, double number)
    {
        using Scalar held = number;
        return tensor.ge(held);
    }
}
