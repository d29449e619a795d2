using CsCheck;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Numerics;

public class GramTests
{
    [Fact]
    public void The_lower_triangle_is_that_of_plain_sums_in_every_form() => Gen.Select(Gen.Int[1, 30], Gen.Int[0, 160], Gen.Int[0, 100_000]).Sample((rows, eighths, seed) =>
    {
        var length = 8 * eighths;
        var a = Linear.ToDouble(RandomCell.Values(new Random(seed), rows * length, 1));
        var (chosen, wide, narrow) = (new double[rows * rows], new double[rows * rows], new double[rows * rows]);
        for (var band = 0; band < Gram.Bands(rows); band++)
        {
            Gram.Band(a, length, chosen, rows, band);
            Gram.Band<Doubles512>(a, length, wide, rows, band);
            Gram.Band<Doubles256>(a, length, narrow, rows, band);
        }
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var expected = Enumerable.Range(0, length).Sum(k => a[i * length + k] * a[j * length + k]);
                foreach (var product in new[] { chosen, wide, narrow })
                {
                    product[i * rows + j].Should().BeApproximately(expected, 1e-11);
                }
            }
        }
    }, iter: LongForm.Times(50));

    [Fact]
    public void Factors_solve_positive_definite_systems_of_any_size() => Gen.Select(Gen.Int[1, 40], Gen.Int[0, 100_000]).Sample((n, seed) =>
    {
        var random = new Random(seed);
        var m = Linear.ToDouble(RandomCell.Values(random, n * n, 1));
        var b = Linear.ToDouble(RandomCell.Values(random, n, 1));
        double[] a = [.. Enumerable.Range(0, n * n).Select(e => Enumerable.Range(0, n).Sum(k => m[e / n * n + k] * m[e % n * n + k]) + (e / n == e % n ? 0.5 : 0))];
        var expected = Linear.Solve(a, b);
        // What is above the diagonal is not read.
        var factor = a.Select((v, e) => e % n > e / n ? double.NaN : v).ToArray();

        CholeskyFactor.Factor(factor, n).Should().BeTrue();
        CholeskyFactor.Solve(factor, b);

        Linear.Distance(b, expected).Should().BeLessThan(1e-10 * (1 + Linear.Norm(expected)));
    }, iter: LongForm.Times(100));

    [Theory]
    [InlineData(new[] { 1.0, 0, 2, 4 })]
    [InlineData(new[] { 0.0, 0, 0, 0 })]
    [InlineData(new[] { 1.0, 0, 3, 1 })]
    [InlineData(new[] { double.NaN, 0, 0, 1 })]
    [InlineData(new[] { 1.0, 0, 0, double.PositiveInfinity })]
    public void A_system_that_is_not_positive_definite_is_refused(double[] a) => CholeskyFactor.Factor(a, 2).Should().BeFalse();
}
