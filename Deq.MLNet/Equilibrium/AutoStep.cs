using System.Numerics;

namespace Deq.MLNet.Equilibrium;

/// <summary>
/// Plain iteration, until its measured rate says that Anderson's method would be through earlier, in time and not in steps. That pays where n, the plain steps left by that rate, exceed
/// (1 + 50 / (d + 16)) (8 + n / 4): the cost of a mixed step in plain ones, times the mixed steps expected. So the switch is at n = 12 for d = 256, 22 for 64, 33 for 32, 57 for 16 and 112 for 8;
/// where the residual does not fall over three steps, or plain iteration would end at the cap, at once.
/// </summary>
internal ref struct AutoStep<T> : IRowStep<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public static readonly Anderson Mixing = new();

    /// <summary>
    /// A step that mixes five iterates does some 30 passes over d values and a system of five equations beside the product with W: measured 3.8, 2.8, 2.6, 2.2, 1.7, 1.2 and 1.1 times the time of a plain
    /// step at d = 4, 8, 16, 32, 64, 128 and 256, which 1 + 50 / (d + 16) follows.
    /// </summary>
    private const double ExtraWork = 50, Overhead = 16;

    /// <summary>Mixed steps for n plain ones: 10 to 20 for 100 where few eigenvalues are large, 40 to 60 on rotations of 64 states with tanh, as many as plain ones with ReLU.</summary>
    private const double AtLeast = 8, ShareOfPlain = 0.25;

    private readonly double _tolerance;
    private readonly double _pays;
    private int _left;
    private AndersonStep<T> _anderson;
    private double _oneAgo = double.NaN;
    private double _twoAgo = double.NaN;
    private double _threeAgo = double.NaN;
    private bool _mixes;

    public AutoStep(double tolerance, int maxIterations, int size, Span<T> scratch)
    {
        (_tolerance, _left) = (tolerance, maxIterations);
        var cost = 1 + ExtraWork / (size + Overhead);
        _pays = cost * AtLeast / (1 - cost * ShareOfPlain);
        _anderson = new AndersonStep<T>(Mixing, size, scratch);
    }

    public static int ScratchSize(int size) => AndersonStep<T>.ScratchSize(Mixing, size);

    public bool TakesValue(int size, double residual)
    {
        _left--;
        _mixes = _mixes || MixingPays(residual);
        (_oneAgo, _twoAgo, _threeAgo) = (residual, _oneAgo, _twoAgo);
        return !_mixes;
    }

    public void Advance(Span<T> z, ReadOnlySpan<T> f, double residual) => _anderson.Advance(z, f, residual);

    private readonly bool MixingPays(double residual)
    {
        // Plain steps pay while log(residual / tolerance) is at most most / 3 times log(threeAgo / residual). The exponents alone, which are off by less than 1, mostly tell; NaN is above all numbers.
        var most = Math.Min(_left, _pays);
        if (Exponent(residual) + 1 - Exponent(_tolerance) <= most / 3 * (Exponent(_threeAgo) - Exponent(residual) - 1))
        {
            return false;
        }
        // Over three steps: the rate of a single one swings where eigenvalues are complex. NaN at first, and then nothing pays.
        var rate = Math.Cbrt(residual / _threeAgo);
        var plain = rate < 1 ? Math.Log(_tolerance / residual) / Math.Log(rate) : double.IsNaN(rate) ? 0 : double.PositiveInfinity;
        return plain > most;
    }

    private static int Exponent(double positive) => (int)(BitConverter.DoubleToInt64Bits(positive) >> 52) & 0x7FF;
}
