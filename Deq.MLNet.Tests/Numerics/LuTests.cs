using CsCheck;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Tests.Numerics;

public class LuTests
{
    [Fact]
    public void Solutions_leave_no_residual_beyond_rounding() => Gen.Select(Gen.Int[1, 40], Gen.Int[0, 1_000_000], Gen.Int[-150, 150]).Sample((n, seed, exponent) =>
    {
        var random = new Random(seed);
        var scale = Math.Pow(10, exponent);
        double[] a = [.. Linear.ToDouble(RandomCell.Values(random, n * n, 1)).Select((v, i) => scale * (random.Next(3) == 0 ? 0 : v) + (i % (n + 1) == 0 ? scale * 1e-3 : 0))], b = Linear.ToDouble(RandomCell.Values(random, n, 1));
        var (lu, x, pivots) = (a.ToArray(), b.ToArray(), new int[n]);
        if (!Lu.Factor(lu, pivots))
        {
            return;
        }
        Lu.Solve(lu, pivots, x);
        var residual = Linear.Affine([.. a.Select(v => -v)], x, b);
        Linear.Norm(residual).Should().BeLessThan(1e-12 * (Linear.Norm(b) + Linear.Norm(a.Select(v => v / scale)) * Linear.Norm(x.Select(v => v * scale))));
    }, iter: LongForm.Times(300));

    [Fact]
    public void It_agrees_with_the_plain_solution()
    {
        var problem = new CellProblem(CellKind.Gaussian, 17, 0.9, Activation.Identity, 2);
        double[] a = [.. problem.W64.Select((v, i) => (i % 18 == 0 ? 1 : 0) - v)];
        var (lu, x, pivots) = (a.ToArray(), problem.U64, new int[17]);
        Lu.Factor(lu, pivots).Should().BeTrue();
        Lu.Solve(lu, pivots, x);
        Linear.Distance(x, Linear.Solve(a, problem.U64)).Should().BeLessThan(1e-13);
        var transposed = problem.U64;
        Lu.SolveTransposed(lu, pivots, transposed);
        Linear.Distance(transposed, Linear.Solve([.. a.Select((_, i) => a[i % 17 * 17 + i / 17])], problem.U64)).Should().BeLessThan(1e-13);
    }

    [Fact]
    public void A_zero_on_the_diagonal_is_no_obstacle()
    {
        double[] a = [0, 2, 3, 0], b = [4, 9];
        var pivots = new int[2];
        Lu.Factor(a, pivots).Should().BeTrue();
        Lu.Solve(a, pivots, b);
        b.Should().Equal(3, 2);
        b = [9, 4];
        Lu.SolveTransposed(a, pivots, b);
        b.Should().Equal(2, 3);
    }

    [Theory]
    [InlineData(new[] { 1.0, 2, 2, 4 })]
    [InlineData(new[] { 0.0, 0, 0, 0 })]
    [InlineData(new[] { 1, 1, 1, 1 + 2.2e-16 })]
    [InlineData(new[] { double.NaN, 1, 1, 0 })]
    [InlineData(new[] { 1, 0, 0, double.PositiveInfinity })]
    public void A_matrix_that_is_singular_to_float64_or_not_finite_is_refused(double[] a) => Lu.Factor(a, new int[2]).Should().BeFalse();
}
