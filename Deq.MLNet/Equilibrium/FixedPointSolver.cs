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

/// <summary>
/// Broyden's method with limited memory: the inverse of the Jacobian of f(z) - z is learnt as a few rank-one changes of -I. In training only: a model that was trained
/// with it is scored by <see cref="Auto"/>. Source: Broyden 1965; Bai, Kolter, Koltun 2019.
/// </summary>
public sealed record Broyden : FixedPointSolver
{
    /// <summary>Makes a Broyden iteration.</summary>
    /// <param name="memory">Rank-one changes that are kept, 1 to 50; when there are as many, it starts anew. Default 10: 20 values a state and row.</param>
    /// <exception cref="ArgumentOutOfRangeException">The memory is out of its range.</exception>
    public Broyden(int memory = 10) => Memory = Check.Within(memory, 1, MaxMemory + 1);

    internal const int MaxMemory = 50;

    /// <summary>Rank-one changes that are kept; default 10.</summary>
    public int Memory { get; }
}

/// <summary>
/// Semismooth Newton, for ReLU, LeakyReLU and the identity: with D the slopes at z, the next z solves the linear system of that piece, z = D (W z + u), and the search is over
/// when D repeats: a few steps, exact, even where W is nearly singular to I. Where the pieces cycle it goes on with damped steps. A step costs d^3 / 3 a row.
/// As a gradient's solver it is one direct solve, for every activation. Source: Qi and Sun 1993.
/// </summary>
public sealed record Newton : FixedPointSolver;

/// <summary>
/// For a W that is lower triangular: one state after the other, exact after one pass. With a diagonal, which <c>WellPosedness.Diagonal</c> has, phi must be ReLU, LeakyReLU or the identity.
/// </summary>
public sealed record ForwardSubstitution : FixedPointSolver;

/// <summary>
/// Forward-backward splitting, for monotone cells: z &lt;- prox(z + step (W z + u - z)), with the proximal form of ReLU, LeakyReLU or the identity.
/// Source: Winston and Kolter, "Monotone operator equilibrium networks", NeurIPS 2020, algorithm 1.
/// </summary>
public sealed record ForwardBackward : FixedPointSolver
{
    /// <summary>Makes the splitting.</summary>
    /// <param name="step">The step; null for the one that the rule and the norm of W allow: m / ||I - W||^2, by which it converges.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step is not positive.</exception>
    public ForwardBackward(float? step = null) => Step = step is { } given ? Check.Positive(given, nameof(step)) : null;

    /// <summary>The step; null for the one that the rule and W allow.</summary>
    public float? Step { get; }
}

/// <summary>
/// Peaceman-Rachford splitting, for monotone cells: it needs few steps, whatever the norm of W, and the inverse of (1 + step) I - step W, once for a model or a training step.
/// ReLU, LeakyReLU and the identity. Source: Winston and Kolter 2020, algorithm 2.
/// </summary>
public sealed record PeacemanRachford : FixedPointSolver
{
    /// <summary>Makes the splitting.</summary>
    /// <param name="step">The step, positive; default 1. Every one converges in exact arithmetic, one far from 1 very slowly.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step is not positive.</exception>
    public PeacemanRachford(float step = 1) => Step = Check.Positive(step);

    /// <summary>The step; default 1.</summary>
    public float Step { get; }
}

/// <summary>
/// The method that the cell asks for: <see cref="PeacemanRachford"/> under a monotone rule, <see cref="ForwardSubstitution"/> for a strictly triangular W, or one with a diagonal and a phi of straight lines;
/// else plain iteration, which gives way to <see cref="Anderson"/> in a solve whose measured rate is so slow that the mixing pays for itself at this state size.
/// </summary>
public sealed record Auto : FixedPointSolver;

internal static class FixedPointSolverExtensions
{
    /// <summary>The method, where rows can be scored by it with this phi.</summary>
    /// <exception cref="ArgumentException">They cannot; the message names another.</exception>
    public static FixedPointSolver Scoring(this FixedPointSolver solver, Activation activation) => solver switch
    {
        Broyden => throw new ArgumentException("Broyden is a method of training; rows are scored one by one. Use Auto or Anderson for scoring."),
        Newton or ForwardBackward or PeacemanRachford when !activation.IsPiecewiseLinear() =>
            throw new ArgumentException($"{solver.GetType().Name} is for ReLU, LeakyReLU and Identity; the activation is {activation}. Use Anderson or Auto."),
        _ => solver,
    };
}

file static class SolverChecks
{
    public static float Damping(float damping) => damping is > 0 and <= 1
        ? damping
        : throw new ArgumentOutOfRangeException(nameof(damping), damping, $"damping is {damping}; it must be above 0 and at most 1.");
}
