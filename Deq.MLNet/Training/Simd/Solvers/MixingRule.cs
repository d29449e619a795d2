namespace Deq.MLNet.Training.Simd.Solvers;

/// <summary>
/// Whether Anderson's method would be through before plain iteration is, in time: it is where n, the plain steps left by the rate measured over three steps, exceed c (6 + n / 5),
/// the cost c of a mixed step in plain ones times the mixed steps expected; or the steps left under the cap.
/// </summary>
internal readonly struct MixingRule(double tolerance, int size)
{
    /// <summary>Three iterates are mixed: more bring fewer steps, but each costs more than that saves.</summary>
    public static readonly Anderson Method = new(memory: 3);

    /// <summary>A mixed step does a dozen passes over the rows, and a system of three equations, beside the product with W: measured 2.3, 1.5 and 1.1 times the time of a plain one at d = 32, 128 and 512.</summary>
    private const double ExtraWork = 65, Overhead = 18;

    private const double AtLeast = 6, ShareOfPlain = 0.2;

    /// <summary>The plain steps from which on mixing pays; infinite where it never does.</summary>
    private readonly double _breakEven = BreakEven(1 + ExtraWork / (size + Overhead));

    /// <param name="residuals">Of the last four tests.</param>
    /// <param name="left">Iterations under the cap.</param>
    public bool Pays((double Now, double One, double Two, double Three) residuals, int left)
    {
        // Over three steps: the rate of a single one swings where eigenvalues are complex. NaN at first, and then nothing pays.
        var growth = residuals.Now / residuals.Three;
        var expected = residuals.Now;
        for (var exponent = (int)Math.Ceiling(Math.Min(_breakEven, left) / 3); exponent > 0; exponent >>= 1)
        {
            expected *= (exponent & 1) == 0 ? 1 : growth;
            growth *= growth;
        }
        return expected > tolerance;
    }

    private static double BreakEven(double cost) => cost * ShareOfPlain < 1 ? cost * AtLeast / (1 - cost * ShareOfPlain) : double.PositiveInfinity;
}
