using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>How scoring finds a row's equilibrium; saved with the model.</summary>
public sealed record EquilibriumSettings
{
    /// <summary>Makes the settings.</summary>
    /// <param name="solver">The method; null for <see cref="Auto"/>.</param>
    /// <param name="tolerance">The stopping test; null for a relative 1e-6.</param>
    /// <param name="maxIterations">Evaluations of f per row at the most, at least 1; default 200.</param>
    /// <param name="onNonConvergence">What a row gets whose equilibrium is not found; default its best iterate.</param>
    /// <exception cref="ArgumentOutOfRangeException">The cap is below 1.</exception>
    public EquilibriumSettings(FixedPointSolver? solver = null, Tolerance? tolerance = null, int maxIterations = 200, OnNonConvergence onNonConvergence = OnNonConvergence.ReturnBest)
    {
        Solver = solver ?? new Auto();
        Tolerance = tolerance ?? new Tolerance(1e-6);
        MaxIterations = Check.AtLeast(maxIterations, 1);
        OnNonConvergence = Check.Defined(onNonConvergence);
    }

    /// <summary>The method.</summary>
    public FixedPointSolver Solver { get; }

    /// <summary>The stopping test.</summary>
    public Tolerance Tolerance { get; }

    /// <summary>Evaluations of f per row at the most.</summary>
    public int MaxIterations { get; }

    /// <summary>What a row gets whose equilibrium is not found.</summary>
    public OnNonConvergence OnNonConvergence { get; }
}

/// <summary>What becomes of a row whose equilibrium is not found within the cap on iterations.</summary>
public enum OnNonConvergence
{
    /// <summary>It goes on with its best iterate, the one of the least residual; one that left the finite numbers is NaN.</summary>
    ReturnBest = 0,

    /// <summary>Its state and its outputs are NaN; other rows are as they were.</summary>
    NaN = 1,

    /// <summary><see cref="DivergenceException"/>, of a scored row and of a training with such rows: it stops at the end of the first epoch that has some.</summary>
    Throw = 2,
}
