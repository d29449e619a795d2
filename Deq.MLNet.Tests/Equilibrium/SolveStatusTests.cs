using CsCheck;

namespace Deq.MLNet.Tests.Equilibrium;

/// <summary>How a search may end, for both methods.</summary>
public class SolveStatusTests
{
    public static TheoryData<FixedPointSolver> Solvers => [new Picard(), new Picard(0.5f), new Anderson(), new Anderson(memory: 1)];

    [Theory]
    [MemberData(nameof(Solvers))]
    public void A_tolerance_below_float32_ends_at_the_precision_limit_or_at_an_exact_fixed_point(FixedPointSolver solver)
    {
        var limits = 0;
        Gen.Select(RandomCell.Within(0.1, 0.97), Gen.Enum<Activation>()).Sample((cell, activation) =>
        {
            var u = Linear.ToFloat(cell.Injection);
            var (solution, z) = MapSolve.InFloat32(cell.W, u, activation, new EquilibriumSettings(solver, new Tolerance(1e-12), 5_000));
            solution.Status.Should().BeOneOf(SolveStatus.Converged, SolveStatus.AtPrecisionLimit);
            if (solution.Status == SolveStatus.AtPrecisionLimit)
            {
                Interlocked.Increment(ref limits);
                solution.Residual.Should().BeInRange(1e-12, 5e-6);
            }
            var expected = FixedPoint.Of(Linear.ToDouble(cell.W), Linear.ToDouble(u), activation);
            Linear.Distance(Linear.ToDouble(z), expected).Should().BeLessThanOrEqualTo(1e-6 * (Linear.Norm(expected) + Linear.Norm(Linear.ToDouble(u))) / (1 - cell.Norm));
        }, iter: LongForm.Times(200));
        limits.Should().BePositive();
    }

    /// <summary>The rounding error left out that of tanh and what a slow contraction makes of it, and cells of a few states ran to the cap.</summary>
    [Fact]
    public void A_few_states_of_tanh_end_at_the_precision_limit() => RandomCell.Within(0.5, 0.97, mostSize: 2).Sample(cell =>
        MapSolve.InFloat32(cell.W, Linear.ToFloat(cell.Injection), Activation.Tanh, new EquilibriumSettings(new Picard(), new Tolerance(1e-12), 5_000))
            .Solution.Status.Should().BeOneOf(SolveStatus.Converged, SolveStatus.AtPrecisionLimit), iter: LongForm.Times(1000));

    [Theory]
    [MemberData(nameof(Solvers))]
    public void A_tolerance_above_the_rounding_error_is_met_and_not_given_up_at_the_precision_limit(FixedPointSolver solver) =>
        RandomCell.Within(0.1, 0.97).Sample(cell =>
            MapSolve.InFloat32(cell.W, Linear.ToFloat(cell.Injection), Activation.ReLU, new EquilibriumSettings(solver, new Tolerance(5e-6), 5_000))
                .Solution.Status.Should().Be(SolveStatus.Converged), iter: LongForm.Times(100));

    /// <summary>Solvers are known that return the starting point for a cap of two, or crash for a memory of one.</summary>
    [Theory]
    [MemberData(nameof(Solvers))]
    public void Under_a_cap_the_iterate_of_least_residual_is_returned(FixedPointSolver solver) =>
        Gen.Select(RandomCell.Within(0.5, 2), Gen.Int[1, 12]).Sample((cell, cap) =>
        {
            var (w, u) = (Linear.ToDouble(cell.W), cell.Injection);
            var tolerance = new Tolerance(1e-13, 1e-200);
            var least = double.PositiveInfinity;
            for (var k = 1; k <= cap; k++)
            {
                var (solution, z) = MapSolve.InFloat64(w, u, Activation.ReLU, new EquilibriumSettings(solver, tolerance, k));
                if (solution.Status != SolveStatus.IterationLimit)
                {
                    return;
                }
                solution.Iterations.Should().Be(k);
                var residual = MapSolve.Residual(w, u, z, Activation.ReLU, tolerance);
                residual.Should().BeApproximately(solution.Residual, 1e-12);
                residual.Should().BeLessThanOrEqualTo(least + 1e-12, "more iterations never return a worse iterate");
                least = Math.Min(least, residual);
            }
        }, iter: LongForm.Times(60));

    [Theory]
    [MemberData(nameof(Solvers))]
    public void Caps_of_one_and_two_work(FixedPointSolver solver)
    {
        // f(0) = 2, f(2) = 3: residuals 1 and 1/3; a damped step goes to 1, f(1) = 2.5, residual 0.6.
        double[] w = [0.5], u = [2];
        var tolerance = new Tolerance(1e-9, 1e-30);
        var (one, z1) = MapSolve.InFloat64(w, u, Activation.ReLU, new EquilibriumSettings(solver, tolerance, 1));
        one.Should().Be(new RowSolution(SolveStatus.IterationLimit, 1, one.Residual));
        one.Residual.Should().BeApproximately(1, 1e-12);
        z1[0].Should().Be(0, "only the start has been evaluated");

        var (two, z2) = MapSolve.InFloat64(w, u, Activation.ReLU, new EquilibriumSettings(solver, tolerance, 2));
        var damped = solver is Picard { Damping: < 1 };
        two.Should().Be(new RowSolution(SolveStatus.IterationLimit, 2, two.Residual));
        z2[0].Should().Be(damped ? 1 : 2);
        two.Residual.Should().BeApproximately(damped ? 0.6 : 1.0 / 3, 1e-12);
    }

    [Fact]
    public void Linear_growth_is_reported_as_diverged()
    {
        float[] w = [3, 0, 0, 3], u = [1, 2];
        var (solution, _) = MapSolve.InFloat32(w, u, Activation.ReLU, new EquilibriumSettings(new Picard(), new Tolerance(1e-6), 200));
        solution.Status.Should().Be(SolveStatus.Diverged);
        solution.Iterations.Should().BeInRange(70, 90, "3^k leaves float32 near k = 80");
        solution.Residual.Should().BeInRange(0.6, 1);

        w = [float.MaxValue];
        MapSolve.InFloat32(w, [1], Activation.ReLU, new EquilibriumSettings(new Anderson())).Solution.Status.Should().Be(SolveStatus.Diverged);
        MapSolve.InFloat32([0.5f], [float.PositiveInfinity], Activation.ReLU, new EquilibriumSettings()).Solution
            .Should().Be(new RowSolution(SolveStatus.Diverged, 1, double.PositiveInfinity));
    }

    /// <summary>When the norm of f overflowed before its distance to z did, the quotient was 0 and a growing state passed as converged.</summary>
    [Fact]
    public void A_slowly_growing_huge_state_is_not_converged()
    {
        float[] w = [1.05f], u = [1e17f];
        var (solution, _) = MapSolve.InFloat32(w, u, Activation.ReLU, new EquilibriumSettings(new Picard(), new Tolerance(1e-6), 500));
        solution.Status.Should().Be(SolveStatus.IterationLimit);
        solution.Residual.Should().BeApproximately(0.05 / 1.05, 1e-4);
    }

    [Theory]
    [InlineData(1e25f)]
    [InlineData(1e-25f)]
    public void Huge_and_tiny_states_converge_to_the_right_ones(float unit)
    {
        var cell = new RandomCell(9, 3, 1, 0.8, 11).Fill();
        var u = Linear.ToFloat(cell.Injection.Select(v => v * unit));
        var (solution, z) = MapSolve.InFloat32(cell.W, u, Activation.ReLU, new EquilibriumSettings(new Picard(), new Tolerance(1e-6, 1e-37), 500));
        solution.Status.Should().Be(SolveStatus.Converged);
        var expected = FixedPoint.Of(Linear.ToDouble(cell.W), [.. u.Select(v => (double)v / unit)], Activation.ReLU);
        Linear.Distance(z.Select(v => (double)v / unit), expected).Should().BeLessThan(1e-5 * Linear.Norm(expected));
    }

    [Theory]
    [MemberData(nameof(Solvers))]
    public void A_dead_state_converges_at_once(FixedPointSolver solver)
    {
        float[] w = [0.5f, 0.1f, -0.2f, 0.3f], u = [-1, -2];
        var (solution, z) = MapSolve.InFloat32(w, u, Activation.ReLU, new EquilibriumSettings(solver));
        solution.Should().Be(new RowSolution(SolveStatus.Converged, 1, 0));
        z.Should().Equal(0, 0);
    }

    [Fact]
    public void Tanh_cells_with_small_states_converge()
    {
        // Where tanh lost small arguments, states of 1e-6 moved in steps of 6e-8.
        var cell = new RandomCell(16, 4, 1, 0.9, 2).Fill();
        var u = Linear.ToFloat(cell.Injection.Select(v => v * 1e-6));
        var (solution, z) = MapSolve.InFloat32(cell.W, u, Activation.Tanh, new EquilibriumSettings(new Anderson(), new Tolerance(1e-6, 1e-30)));
        solution.Status.Should().BeOneOf(SolveStatus.Converged, SolveStatus.AtPrecisionLimit);
        var expected = FixedPoint.Of(Linear.ToDouble(cell.W), Linear.ToDouble(u), Activation.Tanh);
        Linear.Distance(Linear.ToDouble(z), expected).Should().BeLessThan(1e-5 * Linear.Norm(expected));
    }
}
