namespace Deq.MLNet;

/// <summary>How the search for a row's equilibrium ended.</summary>
public enum SolveStatus
{
    /// <summary>The residual meets the tolerance.</summary>
    Converged = 0,

    /// <summary>The residual stopped falling at the rounding error of the number type, above the tolerance. The row counts as solved; a larger tolerance lets it end as Converged.</summary>
    AtPrecisionLimit = 1,

    /// <summary>The cap on iterations was reached. Raise MaxIterations, use a quicker method (<see cref="Newton"/> for phi of straight lines; <see cref="Anderson"/>, but not under a monotone rule), or train with a WellPosedness rule where there is none. <see cref="OnNonConvergence"/> says what the row gets.</summary>
    IterationLimit = 2,

    /// <summary>The iterates left the range of finite numbers. Train with a well-posedness rule, or look for huge feature values in this row.</summary>
    Diverged = 3,

    /// <summary>A feature of the row is NaN or infinite; its score is NaN. Replace missing values before scoring.</summary>
    InvalidInput = 4,
}

/// <summary>What a user makes of a status.</summary>
public static class SolveStatusExtensions
{
    /// <summary>Whether the equilibrium was found: to the tolerance, or to the rounding error of the number type.</summary>
    public static bool IsSolved(this SolveStatus status) => status is SolveStatus.Converged or SolveStatus.AtPrecisionLimit;

    /// <summary>What to do next, in one sentence; options are those of the trainers, and of <see cref="EquilibriumSettings"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The status is none.</exception>
    public static string Advice(this SolveStatus status) => status switch
    {
        SolveStatus.Converged => "Nothing is to be done.",
        SolveStatus.AtPrecisionLimit => "The row is solved as far as float32 goes: set ScoringTolerance to a larger value for rows to end as Converged.",
        SolveStatus.IterationLimit => "Raise MaxIterations, set Solver to Newton (for ReLU, LeakyReLU and Identity) or, under no Monotone rule, to Anderson, or train with a WellPosedness rule, such as Spectral(0.9), where there is none.",
        SolveStatus.Diverged => "Train with a WellPosedness rule, such as Spectral(0.9), where there is none, or look for huge feature values in the row.",
        SolveStatus.InvalidInput => "Replace missing and infinite feature values before scoring.",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, null),
    };
}

/// <summary>How one row's equilibrium was found.</summary>
/// <param name="Status">How the search ended.</param>
/// <param name="Iterations">Evaluations of f.</param>
/// <param name="Residual">||f(z) - z|| / (||f(z)|| + absolute / relative) at the z returned: at most the relative tolerance exactly when converged. Infinite where the iterates left the finite numbers and no z is returned, NaN for invalid input.</param>
public readonly record struct RowSolution(SolveStatus Status, int Iterations, double Residual);
