using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Numerics;

public class ErrorFunctionTests
{
    /// <summary>Float32 took the 120 divisions a value of float64, and has a form of its own.</summary>
    [Fact]
    public void GELU_of_float32_is_that_of_float64_to_half_a_unit_in_the_last_place()
    {
        for (var v = -13.9f; v < 30; v += 0.00173f)
        {
            var exact = ErrorFunction.Gelu((double)v);
            Math.Abs(ErrorFunction.Gelu(v) - exact).Should().BeLessThanOrEqualTo(6.1e-8 * Math.Abs(exact) + float.Epsilon, "v = {0}", v);
        }
        ErrorFunction.Gelu(-1e30f).Should().Be(0);
        ErrorFunction.Gelu(1e30f).Should().Be(1e30f);
        ErrorFunction.Gelu(float.PositiveInfinity).Should().Be(float.PositiveInfinity);
        ErrorFunction.Gelu(float.NegativeInfinity).Should().Be(0);
        ErrorFunction.Gelu(float.NaN).Should().Be(float.NaN);
        ErrorFunction.Gelu(0f).Should().Be(0);
    }

    /// <summary>The terms of the fraction follow from x: against the reference, which integrates the density.</summary>
    [Fact]
    public void GELU_of_float64_is_the_integral_of_the_density()
    {
        for (var v = -6.0; v < 9; v += 0.0137)
        {
            ErrorFunction.Gelu(v).Should().BeApproximately(Phi.Of(Activation.GELU, v), 1e-13 * (1 + Math.Abs(v)));
            ErrorFunction.GeluSlope(v).Should().BeApproximately(Phi.Slope(Activation.GELU, v), 1e-13 * (1 + Math.Abs(v)));
        }
        // exp(-x^2) / (x sqrt(pi)) times its asymptotic series.
        foreach (var x in new[] { 8.0, 15, 25 })
        {
            var y = 1 / (2 * x * x);
            (ErrorFunction.Complement(x) / (Math.Exp(-x * x) / (x * Math.Sqrt(Math.PI)) * (1 - y + 3 * y * y - 15 * y * y * y + 105 * Math.Pow(y, 4) - 945 * Math.Pow(y, 5) + 10395 * Math.Pow(y, 6)))).Should().BeApproximately(1, 1e-9);
        }
    }
}
