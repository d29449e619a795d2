using CsCheck;

namespace Deq.MLNet.Tests.Networks;

public class DeqFactoriesTests
{
    [Fact]
    public void A_diagonal_linear_network_is_its_coefficients_times_the_features() => Gen.Select(Gen.Float[-0.9f, 0.9f].Array[5], Gen.Float[-2f, 2f].Array[5], Gen.Float[-2f, 2f].Array[5]).Sample((w, u, x) =>
    {
        var network = DeqNetwork.DiagonalLinear(w, u, scoring: new EquilibriumSettings(new Picard(), new Tolerance(1e-7), 1000));
        var beta = network.LinearCoefficients();

        beta.LargestDifference(u.Select((v, i) => v / (1 - (double)w[i]))).Should().BeLessThan(1e-12);
        ((double)network.Evaluate(x)[0]).Should().BeApproximately(beta.Select((b, i) => b * x[i]).Sum(), 1e-4);
        network.IsDiagonalLinear.Should().BeTrue();
    }, iter: LongForm.Times(200));

    [Fact]
    public void The_coefficients_stay_those_of_the_affine_outputs_under_a_folded_scale()
    {
        var network = DeqNetwork.DiagonalLinear([0.5f, -0.25f], [1, 2]).Fold(new([2, 4], [1, -1]), new([3], [5]));

        network.LinearCoefficients().LargestDifference([3 * 2 * 1 / 0.5, 3 * 4 * 2 / 1.25]).Should().BeLessThan(1e-6);
    }

    [Fact]
    public void Other_networks_have_no_coefficients()
    {
        float[] diagonal = [0.5f, 0, 0, 0.25f], full = [0.5f, 0.1f, 0, 0.25f], two = [1, 1];
        DeqNetwork Make(float[] w, float[] u, Activation activation = Activation.Identity, float[]? s = null, float[]? gain = null) => new(w, u, [0, 0], two, [0], activation, s: s, gain: gain);

        Make(diagonal, diagonal).IsDiagonalLinear.Should().BeTrue();
        foreach (var other in new[] { Make(full, diagonal), Make(diagonal, full), Make(diagonal, two), Make(diagonal, diagonal, Activation.ReLU), Make(diagonal, diagonal, s: two), Make(diagonal, diagonal, gain: two) })
        {
            other.IsDiagonalLinear.Should().BeFalse();
            FluentActions.Invoking(other.LinearCoefficients).Should().Throw<InvalidOperationException>().WithMessage("The network is not diagonal linear*DeqNetwork.DiagonalLinear*");
        }
        FluentActions.Invoking(() => DeqNetwork.DiagonalLinear([1, 2], [1])).Should().Throw<ArgumentException>().WithMessage("u has 1 values; its shape (n) needs 2.*");
        FluentActions.Invoking(() => DeqNetwork.DiagonalLinear([], [])).Should().Throw<ArgumentException>().WithMessage("the number of features is 0*");
    }

    /// <summary>The symmetric part of I - W is m I + A'A.</summary>
    [Fact]
    public void A_monotone_W_is_monotone_by_m() => Gen.Select(Gen.Int[1, 8], Gen.Int[0, 9], Gen.Float[0.05f, 1f], Gen.Int[0, 100_000]).Sample((d, rows, m, seed) =>
    {
        var random = new Random(seed);
        var (a, b) = (RandomCell.Values(random, rows * d, 1), RandomCell.Values(random, d * d, 1));

        var w = Linear.ToDouble(DeqNetwork.MonotoneW(a, b, m));

        for (var i = 0; i < d * d; i++)
        {
            var (row, column) = (i / d, i % d);
            var symmetric = (row == column ? 1 : 0) - (w[i] + w[column * d + row]) / 2;
            var expected = (row == column ? m : 0) + Enumerable.Range(0, rows).Sum(k => (double)a[k * d + row] * a[k * d + column]);
            symmetric.Should().BeApproximately(expected, 1e-5 * (1 + Math.Abs(expected)));
            ((w[i] - w[column * d + row]) / 2).Should().BeApproximately(b[i] - b[column * d + row], 1e-5 * (1 + rows));
        }
    }, iter: LongForm.Times(100));

    /// <summary>Rounding to float32 brought it over 1 - m wherever A leaves a direction alone.</summary>
    [Fact]
    public void A_monotone_W_obeys_the_rule_of_its_m_after_rounding() =>
        Gen.Select(Gen.Int[1, 12], Gen.Int[0, 12], Gen.OneOfConst(0.1f, 0.3f, 0.5f, 1f), Gen.OneOfConst(0.01, 1, 1000), Gen.Int[0, 100_000]).Sample((d, rows, m, scale, seed) =>
        {
            var random = new Random(seed);
            var w = DeqNetwork.MonotoneW(RandomCell.Values(random, rows * d, scale), RandomCell.Values(random, d * d, scale), m);

            var network = new DeqNetwork(w, new float[d], new float[d], new float[d], [0], Activation.ReLU, rule: WellPosedness.Monotone(m));

            network.Certificate.Should().Match<Certificate>(c => c.RuleHolds && c.IsProved);
            RuleReference.Excess(WellPosedness.Monotone(m), Linear.ToDouble(w), d, Activation.ReLU).Should().BeLessThanOrEqualTo(1e-13 * (1 + Linear.Norm(Linear.ToDouble(w))));
        }, iter: LongForm.Times(100));

    [Fact]
    public void Parts_of_a_monotone_W_that_do_not_fit_are_refused()
    {
        FluentActions.Invoking(() => DeqNetwork.MonotoneW(new float[4], new float[3])).Should().Throw<ArgumentException>().WithMessage("b has 3 values; its shape d x d needs 4.*");
        FluentActions.Invoking(() => DeqNetwork.MonotoneW(new float[3], new float[4])).Should().Throw<ArgumentException>().WithMessage("a has 3 values; its shape r x d needs 2.*");
        FluentActions.Invoking(() => DeqNetwork.MonotoneW(new float[4], new float[4], 0)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("m is 0*");
    }
}
