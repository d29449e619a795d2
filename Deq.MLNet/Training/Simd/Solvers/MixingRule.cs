namespace Deq.MLNet.Training.Simd.Solvers;

/// <summary>
/// Whether Anderson's method would be through before plain iteration is, in time: it is where n, the plain steps left by the rate measured over three steps, exceed c (8 + n / 4),
/// the cost c of a mixed step in plain ones times the mixed steps expected; or the steps left under the cap.
/// </summary>
internal readonly struct MixingRule(double tolerance, int size)
{
    /// <summary>A mixed step does some twenty passes over the rows beside the product with W: measured.</summary>
    private const double ExtraWork = 50, Overhead = 16;

    private const double AtLeast = 8, ShareOfPlain = 0.25;

    /// <summary>The plain steps from which on mixing pays; infinite where it never does.</summary>
    private readonly double _breakEven = BreakEven(1 + ExtraWork / (size + Overhead));

    /// <param name="residuals">Of the last four tests.</param>
    /// <param name="left">Iterations under the cap.</param>
    public bool Pays((double Now, double One, double Two, double Three) residuals, int left)
    {
        // Over three steps: the rate of a single one swings where eigenvalues are complex. NaN at first, and then nothing pays.
        var growth = residuals.Now / residuals.Three;
        return residuals.Now * Math.Pow(growth, Math.Min(_breakEven, left) / 3) > tolerance;
    }

    private static double BreakEven(double cost) => cost * ShareOfPlain < 1 ? cost * AtLeast / (1 - cost * ShareOfPlain) : double.PositiveInfinity;
}
