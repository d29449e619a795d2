namespace Deq.MLNet.Numerics;

/// <summary>The error function to float64's precision, and the activation that is made of it.</summary>
internal static class ErrorFunction
{
    private const double TwoOverRootPi = 1.1283791670955126;

    /// <summary>Up to here the series, from here on the fraction.</summary>
    private const double Near = 2;

    /// <summary>Beyond this the normal tail is below the smallest number.</summary>
    private const double Tail = 28;

    /// <summary>erfc(x) = 1 - erf(x), relative to its own size for every x.</summary>
    public static double Complement(double x)
    {
        if (x < Near)
        {
            return 1 - Erf(x);
        }
        if (x > Tail)
        {
            return 0;
        }
        // The continued fraction of Abramowitz and Stegun 7.1.14, from its far end. So many terms as bring it to float64's precision, which are fewer the larger x is.
        var fraction = x;
        for (var k = 8 + (int)(450 / (x * x)); k > 0; k--)
        {
            fraction = x + k / 2.0 / fraction;
        }
        return TwoOverRootPi / 2 * Math.Exp(-x * x) / fraction;
    }

    /// <summary>erf(x).</summary>
    public static double Erf(double x)
    {
        if (double.IsNaN(x))
        {
            return x;
        }
        if (Math.Abs(x) >= Near)
        {
            return Math.CopySign(1 - Complement(Math.Abs(x)), x);
        }
        // Abramowitz and Stegun 7.1.6: no term is negative but for the sign of x.
        double term = x, sum = x;
        for (var n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return TwoOverRootPi * Math.Exp(-x * x) * sum;
    }

    /// <summary>v times the normal distribution's probability of less than v.</summary>
    public static double Gelu(double v) => v <= -Tail * 2 ? 0 : v * Normal(v);

    /// <summary>The derivative of <see cref="Gelu(double)"/>.</summary>
    public static double GeluSlope(double v) => Math.Abs(v) > Tail * 2 ? (v > 0 ? 1 : 0) : Normal(v) + v * Density(v);

    private static double Normal(double v) => Complement(-v / Math.Sqrt(2)) / 2;

    private static double Density(double v) => Math.Exp(-v * v / 2) * (TwoOverRootPi / (2 * Math.Sqrt(2)));
}
