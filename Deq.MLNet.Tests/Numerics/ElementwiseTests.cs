using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Numerics;

/// <summary>Each function over each form of vectors, against float64: error in units in the last place of the exact value, over all magnitudes.</summary>
public unsafe class ElementwiseTests
{
    [Fact]
    public void GELU_is_right_to_7_units() => Check<GaussianErrorLinear>(ErrorFunction.Gelu, ErrorFunction.GeluSlope, units: 7, slopeError: 5e-7);

    [Fact]
    public void Erf_is_right_to_4_units() => Check<ErrorFunctionMap>(ErrorFunction.Erf, v => 2 / Math.Sqrt(Math.PI) * Math.Exp(-v * v), units: 4, slopeError: 1e-6);

    [Fact]
    public void Tanh_is_right_to_4_units() => Check<HyperbolicTangent>(Math.Tanh, v => 1 - Math.Tanh(v) * Math.Tanh(v), units: 4, slopeError: 5e-7);

    [Fact]
    public void Softplus_is_right_to_5_units() => Check<SoftPlus>(Softplus, v => 1 / (1 + Math.Exp(-v)), units: 5, slopeError: 5e-7);

    [Fact]
    public void Functions_of_straight_lines_are_exact()
    {
        Check<Rectifier>(v => Math.Max(v, 0), v => v > 0 ? 1 : 0, units: 0, slopeError: 0);
        Check<LeakyRectifier>(v => v > 0 ? v : (float)(0.01f * v), v => v > 0 ? 1 : 0.01f, units: 0.5, slopeError: 0);
        Check<IdentityMap>(v => v, _ => 1, units: 0, slopeError: 0);
    }

    private static double Softplus(double v) => Math.Max(v, 0) + (v < -700 || v > 700 ? 0 : Math.Abs(v) > 10 ? Series(Math.Exp(-Math.Abs(v))) : Math.Log(1 + Math.Exp(-Math.Abs(v))));

    /// <summary>log(1 + e) of a small e.</summary>
    private static double Series(double e) => e * (1 - e * (0.5 - e / 3));

    private static void Check<TPhi>(Func<double, double> exact, Func<double, double> slope, double units, double slopeError) where TPhi : struct, IElementwise
    {
        var arguments = Arguments();
        var values = Run<Wide512, TPhi>(arguments);
        foreach (var (v, value, steepness) in values.Concat(Run<Wide256, TPhi>(arguments)).Concat(Run<Wide128, TPhi>(arguments)))
        {
            if (float.IsNaN(v))
            {
                float.IsNaN(value).Should().BeTrue();
                continue;
            }
            var expected = exact(v);
            if (!double.IsFinite(expected))
            {
                value.Should().Be((float)expected);
                continue;
            }
            // The spacing of float32 there; below its normal numbers that of the least of them.
            var unit = Math.Max(Math.Pow(2, Math.Floor(Math.Log2(Math.Max(Math.Abs(expected), 1e-300))) - 23), 1.2e-38 * Math.Pow(2, -23));
            Math.Abs(value - expected).Should().BeLessThanOrEqualTo(units * unit, "v = {0:R}", v);
            ((double)steepness).Should().BeApproximately(slope(v), slopeError, "v = {0:R}", v);
        }
    }

    /// <summary>Magnitudes from the smallest to the largest number, 2000 between 0.01 and 100, both signs, and the special values.</summary>
    private static float[] Arguments()
    {
        var random = new Random(1);
        var sizes = Enumerable.Range(0, 2000).Select(i => Math.Pow(10, -44.8 + i * 83.3 / 2000)).Concat(Enumerable.Range(0, LongForm.Times(20_000)).Select(_ => Math.Pow(10, random.NextDouble() * 4 - 2))).Concat([0.015382077, 1.8244895, 1.2591248]);
        float[] all = [.. sizes.SelectMany(s => new[] { (float)s, -(float)s }), 0, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.MinValue, 0.35f];
        return [.. all, .. new float[16 - all.Length % 16]];
    }

    private static List<(float Argument, float Value, float Slope)> Run<T, TPhi>(float[] arguments) where T : unmanaged, IWide<T> where TPhi : struct, IElementwise
    {
        var results = new List<(float, float, float)>();
        var values = stackalloc float[16];
        var slopes = stackalloc float[16];
        fixed (float* from = arguments)
        {
            for (var i = 0; i < arguments.Length; i += T.Count)
            {
                var argument = T.Load(from + i);
                T.Store(values, TPhi.Apply(argument));
                T.Store(slopes, TPhi.Slope(TPhi.Apply(argument), argument));
                for (var j = 0; j < T.Count; j++)
                {
                    results.Add((arguments[i + j], values[j], slopes[j]));
                }
            }
        }
        return results;
    }
}
