using CsCheck;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Numerics;

public class KernelsTests
{
    private static readonly Gen<(int Rows, int Columns, int Seed)> Shapes = Gen.Select(Gen.Int[1, 40], Gen.Int[1, 70], Gen.Int[0, 100_000]);

    [Fact]
    public void Affine_agrees_with_float64_for_every_length() => Shapes.Sample(s =>
    {
        var random = new Random(s.Seed);
        var (a, x, b) = (RandomCell.Values(random, s.Rows * s.Columns, 1), RandomCell.Values(random, s.Columns, 1), RandomCell.Values(random, s.Rows, 1));
        var expected = Linear.Affine(Linear.ToDouble(a), Linear.ToDouble(x), Linear.ToDouble(b));
        var y = new float[s.Rows];
        Kernels.Affine<float>(a, x, b, y);
        var y64 = new double[s.Rows];
        Kernels.Affine<double>(Linear.ToDouble(a), Linear.ToDouble(x), Linear.ToDouble(b), y64);
        for (var i = 0; i < s.Rows; i++)
        {
            // A sum's rounding error is relative to the sizes of its terms.
            var terms = Math.Abs(b[i]) + Enumerable.Range(0, s.Columns).Sum(j => Math.Abs((double)a[i * s.Columns + j] * x[j]));
            ((double)y[i]).Should().BeApproximately(expected[i], 1e-6 * terms);
            y64[i].Should().BeApproximately(expected[i], 1e-14 * terms);
        }
    });

    [Fact]
    public void A_NaN_or_an_infinity_reaches_only_the_rows_that_use_it()
    {
        var a = new float[3 * 11];
        Array.Fill(a, 1);
        a[11 + 10] = float.NaN;
        a[22] = float.PositiveInfinity;
        var (x, y) = (new float[11], new float[3]);
        Array.Fill(x, 1);
        Kernels.Affine<float>(a, x, new float[3], y);
        y.Should().Equal(11, float.NaN, float.PositiveInfinity);
    }

    [Fact]
    public void Norm_and_distance_agree_with_float64_for_every_length() => Gen.Select(Gen.Int[1, 70], Gen.Int[0, 100_000]).Sample((length, seed) =>
    {
        var random = new Random(seed);
        var (x, y) = (RandomCell.Values(random, length, 1), RandomCell.Values(random, length, 1));
        Kernels.Norm<float>(x).Should().BeApproximately(Linear.Norm(Linear.ToDouble(x)), 1e-6 * length);
        Kernels.Distance<float>(x, y).Should().BeApproximately(Linear.Distance(Linear.ToDouble(x), Linear.ToDouble(y)), 1e-6 * length);
        Kernels.Norm<double>(Linear.ToDouble(x)).Should().BeApproximately(Linear.Norm(Linear.ToDouble(x)), 1e-14 * length);
        Kernels.Norm<float>(x).Should().Be(Kernels.Distance<float>(x, new float[length]));
    });

    /// <summary>A norm of float32 squares was infinite above 1.8e19 and zero below 1e-23: huge states then passed as converged, and so did tiny ones.</summary>
    [Theory]
    [InlineData(1e30f)]
    [InlineData(1e19f)]
    [InlineData(3e-20f)]
    [InlineData(1e-30f)]
    [InlineData(1e-44f)]
    public void The_squares_of_a_norm_stay_in_range(float unit)
    {
        var x = Enumerable.Range(1, 19).Select(i => i % 2 == 0 ? unit : -unit).ToArray();
        (Kernels.Norm<float>(x) / unit).Should().BeApproximately(Math.Sqrt(19), 1e-5);
        (Kernels.Distance<float>(x, [.. x.Select(v => -v)]) / unit).Should().BeApproximately(2 * Math.Sqrt(19), 1e-5);
        Kernels.Norm<double>([3e200, 4e200]).Should().BeApproximately(5e200, 1e186);
        Kernels.Norm<double>([3e-200, 4e-200]).Should().BeApproximately(5e-200, 1e-214);
    }

    [Fact]
    public void Norms_of_nothing_of_zeros_and_of_what_is_not_finite()
    {
        Kernels.Norm<float>([]).Should().Be(0);
        Kernels.Distance<double>([], []).Should().Be(0);
        Kernels.Norm<float>(new float[9]).Should().Be(0);
        Kernels.Norm<float>([1, float.NaN, 2]).Should().Be(double.NaN);
        Kernels.Norm<float>([1, float.NegativeInfinity, 2]).Should().Be(double.PositiveInfinity);
        Kernels.Distance<float>([float.PositiveInfinity], [float.PositiveInfinity]).Should().Be(double.NaN);
    }

    [Fact]
    public void AllFinite_sees_a_bad_value_at_every_place()
    {
        Kernels.AllFinite<float>([]).Should().BeTrue();
        for (var length = 1; length < 40; length++)
        {
            Kernels.AllFinite<float>(new float[length]).Should().BeTrue();
            for (var place = 0; place < length; place++)
            {
                foreach (var bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
                {
                    var x = new float[length];
                    x[place] = bad;
                    Kernels.AllFinite<float>(x).Should().BeFalse();
                }
            }
        }
        Kernels.AllFinite<double>([double.MaxValue, double.Epsilon]).Should().BeTrue();
    }

    [Fact]
    public void ToDouble_is_exact() => Kernels.ToDouble([0.1f, -3e38f, 1e-45f]).Should().Equal(0.1f, -3e38f, 1e-45f);

    /// <summary>The tensor library's tanh(1e-8f) is 0 and its tanh(1e-4f) is right to three digits only: tanh cells with small states came to rest at wrong ones.</summary>
    [Fact]
    public void Tanh_keeps_the_digits_of_small_arguments() => Gen.Select(Gen.Double[-12, 2], Gen.Int[1, 37], Gen.Bool).Sample((exponent, length, negative) =>
    {
        var v = (float)(Math.Pow(10, exponent) * (negative ? -1 : 1));
        var (single, twice) = (new float[length], new double[length]);
        Array.Fill(single, v);
        Array.Fill(twice, v);
        Activation.Tanh.Apply<float>(single);
        Activation.Tanh.Apply<double>(twice);
        var expected = Math.Tanh(v);
        single.Should().OnlyContain(t => Math.Abs(t - expected) <= 4e-7 * Math.Abs(expected));
        twice.Should().OnlyContain(t => Math.Abs(t - expected) <= 1e-15 * Math.Abs(expected));
    }, iter: LongForm.Times(2000));

    [Fact]
    public void Tanh_of_special_values()
    {
        float[] v = [0, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1e-45f, 3e38f, -3e38f, 50, 0.35f];
        float[] expected = [0, float.NaN, 1, -1, 1e-45f, 1, -1, 1];
        Activation.Tanh.Apply<float>(v);
        v[..8].Should().Equal(expected);
        Activation.Tanh.Apply<float>(v.AsSpan(0, 0));
    }
}
