using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Numerics;

public class ErrorFunctionTests
{
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
