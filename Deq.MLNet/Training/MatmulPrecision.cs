namespace Deq.MLNet;

/// <summary>
/// In what <see cref="Engine.Torch"/> computes matrix products. States, weights, gradients and the optimizer are float32 always, and so are sums within a product.
/// docs/training.md has a table of what each costs in accuracy and iterations.
/// </summary>
/// <remarks>libtorch's switch is one of the whole process: of trainings that run at once the last one begun decides for all, and when the last has ended it is what it was before.</remarks>
public enum MatmulPrecision
{
    /// <summary>float32: 24 bits of significand.</summary>
#pragma warning disable CA1720 // The name of the number format is what a reader looks for.
    Float32 = 0,
#pragma warning restore CA1720

    /// <summary>
    /// Operands are rounded to 11 bits of significand, where a CUDA device of compute capability 8.0 or more does so. Residuals are those of the rounded cell: its equilibrium is off by about
    /// 1e-4 of the state where the cell contracts well, and tolerances below 1e-4 may end at the limit of precision. Of no effect on the CPU.
    /// </summary>
    TensorFloat32 = 1,

    /// <summary>
    /// Solves of a deep equilibrium network by Picard, Anderson or Auto, forward and adjoint, begin with plain iterations whose operands are rounded to 8 bits of significand, until the residual
    /// is 1e-2 or falls slowly, or a quarter of MaxIterations is used, and go on from there to their tolerance as with <see cref="TensorFloat32"/>, which holds for all other products.
    /// Forward solves of a training with WarmStart, and those whose iterates are trained, have no such beginning. On the CPU, and on devices of compute capability below 8.0,
    /// those first iterations are done likewise, and seldom pay.
    /// </summary>
    BFloat16 = 2,
}
