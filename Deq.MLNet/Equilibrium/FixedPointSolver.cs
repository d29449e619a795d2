using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>How a fixed point z = f(z) is found. The tolerance and the cap on iterations are given beside it.</summary>
public abstract record FixedPointSolver
{
    private protected FixedPointSolver() { }
}

/// <summary>Plain iteration z &lt;- z + damping (f(z) - z). It converges at the contraction rate of f: the choice where that is below about 0.8.</summary>
public sealed record Picard : FixedPointSolver
{
    /// <summary>Makes a plain iteration.</summary>
    /// <param name="damping">The step towards f(z), in (0, 1]; 1 is undamped. Less helps only where f is no contraction. The residual tested is always the undamped one.</param>
    /// <exception cref="ArgumentOutOfRangeException">The damping is not in (0, 1].</exception>
    public Picard(float damping = 1) => Damping = SolverChecks.Damping(damping);

    /// <summary>The step towards f(z), in (0, 1]; default 1.</summary>
    public float Damping { get; }
}

/// <summary>
/// Anderson acceleration, type II: the next iterate is the mix of the last few whose combined residual is least.
/// The choice where plain iteration is slow. Source: Walker and Ni, "Anderson acceleration for fixed-point iterations", SIAM J. Numer. Anal. 49, 2011.
/// </summary>
public sealed record Anderson : FixedPointSolver
{
    /// <summary>Makes an Anderson iteration.</summary>
    /// <param name="memory">Earlier iterates that are mixed, 1 to 20; default 5.</param>
    /// <param name="damping">The weight of the mixed f against the mixed z, in (0, 1]; default 1.</param>
    /// <param name="ridge">Regularisation of the small system relative to the trace of its Gram matrix, at least 0 and below 1; default 1e-8.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public Anderson(int memory = 5, float damping = 1, double ridge = 1e-8)
    {
        Memory = Check.Within(memory, 1, MaxMemory + 1);
        Damping = SolverChecks.Damping(damping);
        Ridge = Check.Within(ridge, 0, 1);
    }

    internal const int MaxMemory = 20;

    /// <summary>Earlier iterates that are mixed; default 5.</summary>
    public int Memory { get; }

    /// <summary>The weight of the mixed f against the mixed z; default 1.</summary>
    public float Damping { get; }

    /// <summary>Regularisation relative to the trace of the Gram matrix; default 1e-8.</summary>
    public double Ridge { get; }
}

file static class SolverChecks
{
    public static float Damping(float damping) => damping is > 0 and <= 1
        ? damping
        : throw new ArgumentOutOfRangeException(nameof(damping), damping, $"damping is {damping}; it must be above 0 and at most 1.");
}
