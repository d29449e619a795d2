namespace Deq.MLNet;

/// <summary>How the search for a row's equilibrium ended.</summary>
public enum SolveStatus
{
    /// <summary>The residual meets the tolerance.</summary>
    Converged = 0,

    /// <summary>The residual stopped falling at the rounding error of the number type, above the tolerance. Nothing is wrong; ask for a larger tolerance to see Converged.</summary>
    AtPrecisionLimit = 1,

    /// <summary>The cap on iterations was reached; the best iterate is returned. Raise MaxIterations, use Anderson, or lower the bound on W.</summary>
    IterationLimit = 2,

    /// <summary>The iterates left the range of finite numbers. Train with a well-posedness rule, or look for huge feature values in this row.</summary>
    Diverged = 3,

    /// <summary>A feature of the row is NaN or infinite; its score is NaN. Replace missing values before scoring.</summary>
    InvalidInput = 4,
}

/// <summary>How one row's equilibrium was found.</summary>
/// <param name="Status">How the search ended.</param>
/// <param name="Iterations">Evaluations of f.</param>
/// <param name="Residual">||f(z) - z|| / (||f(z)|| + absolute / relative) at the z returned: at most the relative tolerance exactly when converged. NaN for invalid input.</param>
public readonly record struct RowSolution(SolveStatus Status, int Iterations, double Residual);
