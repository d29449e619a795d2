using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>How the gradient passes through the equilibrium.</summary>
public abstract record EquilibriumGradient
{
    private protected EquilibriumGradient() { }
}

/// <summary>
/// The exact gradient, by the implicit function theorem: one linear system a row, solved to a tolerance by the trainer's GradientSolver. Memory does not grow with iterations.
/// Source: Bai, Kolter, Koltun, "Deep Equilibrium Models", NeurIPS 2019.
/// </summary>
public sealed record Implicit : EquilibriumGradient
{
    /// <summary>Makes the rule.</summary>
    /// <param name="tolerance">Of the linear system, relative; null for that of the equilibrium.</param>
    /// <param name="maxIterations">Products with the Jacobian at the most, at least 1; null for as many as the equilibrium has.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public Implicit(double? tolerance = null, int? maxIterations = null)
    {
        Tolerance = tolerance is { } relative ? Check.Positive(relative, nameof(tolerance)) : null;
        MaxIterations = maxIterations is { } cap ? Check.AtLeast(cap, 1, nameof(maxIterations)) : null;
    }

    /// <summary>Of the linear system, relative; null for that of the equilibrium.</summary>
    public double? Tolerance { get; }

    /// <summary>Products with the Jacobian at the most; null for as many as the equilibrium has.</summary>
    public int? MaxIterations { get; }
}

/// <summary>
/// The phantom gradient: the first terms of the damped Neumann series of the implicit one, damping * sum of ((1 - damping) I + damping J)^t for t below steps, at the equilibrium itself.
/// Biased, cheap, and never without an answer: with rho = ||W D||_2 of a row, D the slopes at its equilibrium, the gradient by its pre-activations is off the implicit one by at most
/// (1 - damping + damping rho)^steps of its norm, so that for rho below 1 it never points against it and nears it as steps grow. Source: Geng, Zhang, Bai, Wang, Lin, "On training implicit models", NeurIPS 2021.
/// </summary>
public sealed record Phantom : EquilibriumGradient
{
    /// <summary>Makes the rule.</summary>
    /// <param name="steps">Terms of the series, at least 1; default 5.</param>
    /// <param name="damping">In (0, 1]; default 0.5.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public Phantom(int steps = 5, float damping = 0.5f)
    {
        Steps = Check.AtLeast(steps, 1);
        Damping = Check.AtMost(Check.Positive(damping), 1, nameof(damping));
    }

    /// <summary>Terms of the series; default 5.</summary>
    public int Steps { get; }

    /// <summary>In (0, 1]; default 0.5.</summary>
    public float Damping { get; }
}

/// <summary>
/// The gradient of the last application of the cell alone, as if J were zero: the cheapest, and biased by what the cell feeds back: a row by at most rho = ||W D||_2 of the norm, D the slopes. <see cref="Phantom"/> of one undamped step.
/// Source: Fung et al., "JFB: Jacobian-free backpropagation for implicit networks", AAAI 2022.
/// </summary>
public sealed record OneStep : EquilibriumGradient;

/// <summary>
/// Backpropagation through plain iteration from zero, which takes the place of the solver: exact for the state where the iteration stops, and memory grows with every step.
/// Needs <c>Solver</c> to be undamped <see cref="Picard"/> or <see cref="Auto"/>. Validation and scoring read the equilibrium, also where training stops after a number of steps.
/// For comparison; <see cref="Implicit"/> gives the same at the equilibrium.
/// </summary>
public sealed record Unrolled : EquilibriumGradient
{
    /// <summary>Makes the rule.</summary>
    /// <param name="steps">Steps, at least 1; null for as many as the tolerance asks for.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is below 1.</exception>
    public Unrolled(int? steps = null) => Steps = steps is { } count ? Check.AtLeast(count, 1, nameof(steps)) : null;

    /// <summary>Steps; null for as many as the tolerance asks for.</summary>
    public int? Steps { get; }
}
