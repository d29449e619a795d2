using CsCheck;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Networks;

public class LinkTests
{
    private static readonly Gen<float[]> Logits = Gen.Float[-80, 80].Array[1, 21];

    [Fact]
    public void Exp_and_logistic_agree_with_float64() => Logits.Sample(v =>
    {
        Close(Apply(Link.Exp, v), v.Select(x => Math.Exp(x)), 1e-5);
        Close(Apply(Link.Logistic, v), v.Select(x => Float64.Logistic(x)), 1e-5);
        Apply(Link.Identity, v).Should().Equal(v);
    });

    [Fact]
    public void Softmax_agrees_with_float64_also_for_large_logits() => Gen.Select(Logits, Gen.OneOfConst(1f, 10f, -1e4f, 1e6f)).Sample((v, factor) =>
    {
        var scaled = v.Select(x => x * factor).ToArray();
        var y = Apply(Link.Softmax, scaled);
        y.Zip(Float64.Softmax(Linear.ToDouble(scaled))).Should().OnlyContain(p => Math.Abs(p.First - p.Second) <= 1e-6 + 1e-5 * p.Second);
        y.Sum(p => (double)p).Should().BeApproximately(1, 1e-5);
    });

    [Fact]
    public void Saturated_links_stay_finite_and_a_NaN_stays_a_NaN()
    {
        Apply(Link.Logistic, [-1000, 1000]).Should().Equal(0, 1);
        Apply(Link.Softmax, [3e38f, -3e38f, 3e38f]).Should().Equal(0.5f, 0, 0.5f);
        foreach (var link in Enum.GetValues<Link>())
        {
            Apply(link, [float.NaN, float.NaN, float.NaN, float.NaN, float.NaN, float.NaN, float.NaN, float.NaN, float.NaN]).Should().OnlyContain(y => float.IsNaN(y));
        }
        ((Action)(() => Apply((Link)17, [1]))).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void Activations_agree_with_float64_and_keep_a_NaN()
    {
        float[] v = [-2, -0f, 0, 0.25f, 3, float.NaN, 80, -80, 1e-6f, float.NaN];
        var (relu, tanh) = (v.ToArray(), v.ToArray());
        Activation.ReLU.Apply<float>(relu);
        Activation.Tanh.Apply<float>(tanh);
        relu.Should().Equal(0, 0, 0, 0.25f, 3, float.NaN, 80, 0, 1e-6f, float.NaN);
        Close([.. tanh.Where(float.IsFinite)], v.Where(float.IsFinite).Select(x => Math.Tanh(x)), 4e-7);
        tanh.Count(float.IsNaN).Should().Be(2);
        ((Action)(() => ((Activation)17).Apply<float>(v))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => ((Activation)17).Lipschitz())).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void Every_activation_and_its_slope_agree_with_their_definitions() => Gen.Select(Gen.Double[-40, 40], Gen.Double[-2, 2], Gen.Enum<Activation>()).Sample((far, near, activation) =>
    {
        foreach (var v in new[] { far, near })
        {
            double[] value = [v], slope = [v];
            activation.Apply<double>(value);
            activation.Slope<double>(slope);
            value[0].Should().BeApproximately(Phi.Of(activation, v), 1e-12 * (1 + Math.Abs(v)));
            slope[0].Should().BeApproximately(Phi.Slope(activation, v), 1e-12 * (1 + Math.Abs(v)));
            float[] narrow = [(float)v];
            activation.Apply<float>(narrow);
            ((double)narrow[0]).Should().BeApproximately(Phi.Of(activation, (float)v), 5e-7 * Math.Abs(Phi.Of(activation, (float)v)) + 1e-13);
        }
    }, iter: LongForm.Times(2000));

    [Theory]
    [InlineData(0.1, 0.1124629160182849)]
    [InlineData(0.7, 0.6778011938374185)]
    [InlineData(1.0, 0.8427007929497149)]
    [InlineData(2.5, 0.9995930479825550)]
    [InlineData(-1.5, -0.9661051464753108)]
    public void The_error_function_has_its_tabulated_values(double x, double expected) => ErrorFunction.Erf(x).Should().BeApproximately(expected, 1e-15);

    [Theory]
    [InlineData(2.5, 4.069520174449589e-4)]
    [InlineData(5, 1.5374597944280349e-12)]
    public void Its_complement_keeps_its_digits(double x, double expected) => ErrorFunction.Complement(x).Should().BeApproximately(expected, 1e-13 * expected);

    [Fact]
    public void No_slope_of_an_activation_is_above_its_Lipschitz_bound() => Gen.Select(Gen.Double[-5, 5], Gen.Double[-5, 5], Gen.Enum<Activation>()).Sample((a, b, activation) =>
    {
        double[] v = [a, b];
        activation.Apply<double>(v);
        Math.Abs(v[0] - v[1]).Should().BeLessThanOrEqualTo(activation.Lipschitz() * Math.Abs(a - b) + 1e-15);
    });

    private static float[] Apply(Link link, float[] v)
    {
        var y = v.ToArray();
        link.Apply<float>(y);
        return y;
    }

    private static void Close(float[] values, IEnumerable<double> expected, double relative) =>
        Linear.ToDouble(values).Zip(expected).Should().OnlyContain(p => Math.Abs(p.First - p.Second) <= relative * Math.Abs(p.Second) + 1e-44);
}
