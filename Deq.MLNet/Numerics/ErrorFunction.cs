namespace Deq.MLNet.Numerics;

/// <summary>The error function to float64's precision, and the activation that is made of it.</summary>
internal static class ErrorFunction
{
    private const double TwoOverRootPi = 1.1283791670955126;

    /// <summary>Up to here the series, from here on the fraction.</summary>
    private const double Near = 2;

    /// <summary>Beyond this the normal tail is below the smallest number.</summary>
    private const double Tail = 28;

    private static readonly double[] Coefficients = Interpolate(18);

    /// <summary>erfc(x) = 1 - erf(x), relative to its own size for every x.</summary>
    public static double Complement(double x)
    {
        if (x < Near)
        {
            return 1 - Erf(x);
        }
        return x > Tail ? 0 : Math.Exp(-x * x) * ScaledComplement(x);
    }

    /// <summary>exp(x^2) erfc(x), x at least 0.</summary>
    private static double ScaledComplement(double x)
    {
        if (x < Near)
        {
            return Math.Exp(x * x) * (1 - Erf(x));
        }
        // The continued fraction of Abramowitz and Stegun 7.1.14, from its far end. So many terms as bring it to float64's precision, which are fewer the larger x is.
        var fraction = x;
        for (var k = 8 + (int)(450 / (x * x)); k > 0; k--)
        {
            fraction = x + k / 2.0 / fraction;
        }
        return TwoOverRootPi / 2 / fraction;
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

    /// <summary>
    /// The same for float32, many times as quick: exp(x^2) erfc(x) / t is a smooth function of t = 2 / (2 + x) in [0, 1], here its Chebyshev interpolant.
    /// Its error is below 1e-9 of the value, and no more where that is tiny.
    /// </summary>
    public static float Gelu(float v)
    {
        if (v < -Tail / 2)
        {
            return 0;
        }
        var x = Math.Abs((double)v) / Math.Sqrt(2);
        var t = 2 / (2 + x);
        var (s, last, before) = (2 * t - 1, 0.0, 0.0);
        for (var k = Coefficients.Length - 1; k > 0; k--)
        {
            (last, before) = (Coefficients[k] + 2 * s * last - before, last);
        }
        var tail = Math.Exp(-x * x) * t * (Coefficients[0] + s * last - before) / 2;
        return (float)(v * (v > 0 ? 1 - tail : tail));
    }

    /// <summary>The derivative of <see cref="Gelu(double)"/>.</summary>
    public static double GeluSlope(double v) => Math.Abs(v) > Tail * 2 ? (v > 0 ? 1 : 0) : Normal(v) + v * Density(v);

    private static double[] Interpolate(int count)
    {
        var coefficients = new double[count];
        for (var node = 0; node < count; node++)
        {
            var angle = Math.PI * (node + 0.5) / count;
            var t = (1 + Math.Cos(angle)) / 2;
            var value = ScaledComplement(2 / t - 2) / t;
            for (var k = 0; k < count; k++)
            {
                coefficients[k] += (k == 0 ? 1 : 2) * value * Math.Cos(k * angle) / count;
            }
        }
        return coefficients;
    }

    private static double Normal(double v) => Complement(-v / Math.Sqrt(2)) / 2;

    private static double Density(double v) => Math.Exp(-v * v / 2) * (TwoOverRootPi / (2 * Math.Sqrt(2)));
}
