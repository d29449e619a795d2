namespace Deq.MLNet;

/// <summary>What does the arithmetic of a training. Both take the same steps, up to rounding and the tolerance of the solves; under dropout they draw other masks. Scoring needs neither.</summary>
public enum Engine
{
    /// <summary>Torch on a CUDA device that is asked for. On the CPU Simd, where it does what the options ask for and no layer is so large that Torch is faster; else Torch, or without libtorch Simd where it can.</summary>
    Auto = 0,

    /// <summary>libtorch, which the app has to bring, on the CPU or a CUDA device. It does everything.</summary>
    Torch = 1,

    /// <summary>Vector instructions in managed code, on the CPU, without native code. It does not do layer-normalised cells, the monotone rule, Newton's and Broyden's method, unrolled gradients, <see cref="JacobianPenalty"/> and <see cref="FixedPointCorrection"/>.</summary>
    Simd = 2,
}
