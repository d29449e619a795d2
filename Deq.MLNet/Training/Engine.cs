namespace Deq.MLNet;

/// <summary>What does the arithmetic of a training. All take the same steps by one optimizer, up to rounding and the tolerance of the solves; under dropout they draw other masks. Scoring needs none.</summary>
public enum Engine
{
    /// <summary>Direct where the optimizer or <see cref="NetworkTrainerOptions.FrozenEpochs"/> needs it. Torch on a CUDA device that is asked for. On the CPU Simd, where it does what the options ask for and no layer is so large that Torch is faster; else Torch, or without libtorch Simd where it can.</summary>
    Auto = 0,

    /// <summary>libtorch, which the app has to bring, on the CPU or a CUDA device. It does everything but optimizers of full batches and <see cref="NetworkTrainerOptions.FrozenEpochs"/>.</summary>
    Torch = 1,

    /// <summary>Vector instructions in managed code, on the CPU, without native code. It does not do layer-normalised cells, the monotone rule, Newton's and Broyden's method, unrolled gradients, <see cref="JacobianPenalty"/> and <see cref="FixedPointCorrection"/>.</summary>
    Simd = 2,

    /// <summary>Float64 in managed code, on the CPU: equilibria and gradients by direct solution of their linear systems, exact to rounding, at d^3 operations a row. For small networks; the one that does <see cref="LevenbergMarquardt"/>, <see cref="LBfgs"/> and <see cref="NetworkTrainerOptions.FrozenEpochs"/>. It does not do layer-normalised cells, the monotone rule, gradients other than <see cref="Implicit"/>, dropout, <see cref="JacobianPenalty"/>, <see cref="FixedPointCorrection"/> and warm starts; options of solvers are of no effect on how it trains.</summary>
    Direct = 3,
}
