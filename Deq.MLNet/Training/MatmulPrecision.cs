namespace Deq.MLNet;

/// <summary>In what <see cref="Engine.Torch"/> computes matrix products. States, weights, gradients and the optimizer are float32 always, and so are sums within a product.</summary>
public enum MatmulPrecision
{
    /// <summary>float32: 24 bits of significand.</summary>
#pragma warning disable CA1720 // The name of the number format is what a reader looks for.
    Float32 = 0,
#pragma warning restore CA1720

    /// <summary>Operands are rounded to 11 bits of significand, where a CUDA device of compute capability 8.0 or more does so. Of no effect on the CPU.</summary>
    TensorFloat32 = 1,

    /// <summary>
    /// The solves of a deep equilibrium network, forward and adjoint, begin with plain iterations whose operands are rounded to 8 bits of significand, and go on from there to their tolerance
    /// as with <see cref="TensorFloat32"/>, which holds for all other products. On the CPU those first iterations are done likewise, and seldom pay.
    /// </summary>
    BFloat16 = 2,
}
