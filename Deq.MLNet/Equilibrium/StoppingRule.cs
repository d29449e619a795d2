namespace Deq.MLNet.Equilibrium;

/// <summary>When one row's search ends, from the residuals tested so far: the managed and the tensor solvers share it.</summary>
internal struct StoppingRule(Tolerance tolerance)
{
    /// <summary>
    /// Iterations without a smaller residual after which the search may be at the rounding error; after m times as many, at m times that error:
    /// a map that contracts by rho comes to rest, or cycles, within the error of one evaluation over 1 - rho.
    /// </summary>
    internal const int Patience = 8;

    private double _normOfBest, _largest;
    private int _bestAt, _weighedAt;

    /// <summary>The least residual; infinite before one was finite.</summary>
    public double Least { get; private set; } = double.PositiveInfinity;

    /// <summary>That of the last test, as reported.</summary>
    public double Residual { get; private set; }

    /// <summary>The iteration of the last test.</summary>
    public int Iterations { get; private set; }

    /// <summary>Whether the last test found the least residual so far.</summary>
    public bool IsBest { get; private set; }

    /// <summary>Whether patience ran out at the last test: it is asked once in so many iterations whether the search <see cref="IsAtPrecisionLimit(double)"/>.</summary>
    public readonly bool IsOutOfPatience => Iterations - _weighedAt >= Patience;

    /// <summary>Tests a residual; null where the search goes on.</summary>
    /// <param name="iteration">Evaluations of f.</param>
    /// <param name="distance">||f(z) - z||.</param>
    /// <param name="norm">||f(z)||.</param>
    public SolveStatus? Test(int iteration, double distance, double norm)
    {
        Iterations = iteration;
        var residual = Residual = tolerance.Scaled(distance, norm);
        if (!double.IsFinite(residual) || !double.IsFinite(norm))
        {
            IsBest = false;
            return SolveStatus.Diverged;
        }
        IsBest = residual < Least;
        if (IsBest)
        {
            (Least, _normOfBest, _largest) = (residual, norm, 0);
            _bestAt = _weighedAt = iteration;
        }
        else
        {
            _largest = Math.Max(_largest, residual);
        }
        return residual <= tolerance.Relative ? SolveStatus.Converged : null;
    }

    /// <summary>
    /// Whether all residuals since patience ran out before are of the size that rounding alone makes. The least one does not tell: where residuals go up and down while they fall,
    /// one may be followed by many larger ones.
    /// </summary>
    /// <param name="roundingError">The norm of the error that rounding makes in f at the best iterate.</param>
    public bool IsAtPrecisionLimit(double roundingError) => IsAtPrecisionLimit(roundingError, _normOfBest);

    /// <summary>The same by the rounding error at another iterate.</summary>
    /// <param name="roundingError">There.</param>
    /// <param name="norm">||f|| there.</param>
    public bool IsAtPrecisionLimit(double roundingError, double norm)
    {
        var isAtLimit = _largest <= PrecisionLimit(roundingError, norm);
        (_weighedAt, _largest) = (Iterations, 0);
        return isAtLimit;
    }

    /// <summary>The residual that rounding alone may make, after so long a time without a smaller one.</summary>
    public readonly double PrecisionLimit(double roundingError, double norm) => tolerance.Scaled(roundingError * ((Iterations - _bestAt) / Patience), norm);
}
