using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>How scoring finds a row's equilibrium; saved with the model.</summary>
public sealed record EquilibriumSettings
{
    /// <summary>Makes the settings.</summary>
    /// <param name="solver">The method; null for <see cref="Picard"/>.</param>
    /// <param name="tolerance">The stopping test; null for a relative 1e-6.</param>
    /// <param name="maxIterations">Evaluations of f per row at the most, at least 1; default 200.</param>
    /// <exception cref="ArgumentOutOfRangeException">The cap is below 1.</exception>
    public EquilibriumSettings(FixedPointSolver? solver = null, Tolerance? tolerance = null, int maxIterations = 200)
    {
        Solver = solver ?? new Picard();
        Tolerance = tolerance ?? new Tolerance(1e-6);
        MaxIterations = Check.AtLeast(maxIterations, 1);
    }

    /// <summary>The method.</summary>
    public FixedPointSolver Solver { get; }

    /// <summary>The stopping test.</summary>
    public Tolerance Tolerance { get; }

    /// <summary>Evaluations of f per row at the most.</summary>
    public int MaxIterations { get; }
}
