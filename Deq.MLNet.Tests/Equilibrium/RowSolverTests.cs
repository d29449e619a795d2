using CsCheck;

namespace Deq.MLNet.Tests.Equilibrium;

/// <summary>The equilibria themselves, against Newton with LU for ReLU and float64 iteration for tanh.</summary>
public class RowSolverTests
{
    private static readonly FixedPointSolver[] Solvers =
        [new Picard(), new Picard(0.7f), new Anderson(), new Anderson(memory: 1), new Anderson(memory: 20), new Anderson(damping: 0.6f)];

    public static IEnumerable<object[]> Methods => Solvers.SelectMany(s => RandomCell.WithSlopesOfOne.Select(a => new object[] { s, a }));

    [Theory]
    [MemberData(nameof(Methods))]
    public void In_float64_the_equilibrium_is_right_to_13_digits(FixedPointSolver solver, Activation activation) => RandomCell.Within(0.1, 0.97).Sample(cell =>
    {
        var settings = new EquilibriumSettings(solver, new Tolerance(1e-13, 1e-200), 10_000);
        var (solution, z) = MapSolve.InFloat64(Linear.ToDouble(cell.W), cell.Injection, activation, settings);
        solution.Status.Should().Be(SolveStatus.Converged);
        solution.Residual.Should().BeLessThanOrEqualTo(1e-13);
        var expected = cell.Equilibrium(activation);
        Linear.Distance(z, expected).Should().BeLessThanOrEqualTo(4e-13 * (Linear.Norm(expected) + 1) / (1 - cell.Norm));
    }, iter: LongForm.Times(40));

    [Theory]
    [MemberData(nameof(Methods))]
    public void In_float32_the_error_is_at_most_the_residual_over_one_minus_rho(FixedPointSolver solver, Activation activation) => RandomCell.Within(0.1, 0.97).Sample(cell =>
    {
        var tolerance = new Tolerance(1e-5);
        var u = Linear.ToFloat(cell.Injection);
        var (solution, z) = MapSolve.InFloat32(cell.W, u, activation, new EquilibriumSettings(solver, tolerance, 2_000));
        solution.Status.Should().Be(SolveStatus.Converged);

        var (w, u64, z64) = (Linear.ToDouble(cell.W), Linear.ToDouble(u), Linear.ToDouble(z));
        MapSolve.Residual(w, u64, z64, activation, tolerance).Should().BeApproximately(solution.Residual, 2e-6, "the reported residual is that of the z returned");
        var expected = FixedPoint.Of(w, u64, activation);
        var undamped = Linear.Distance(FixedPoint.Cell(w, u64, z64, activation), z64);
        Linear.Distance(z64, expected).Should().BeLessThanOrEqualTo(undamped / (1 - cell.Norm) * (1 + 1e-6) + 1e-12);
    }, iter: LongForm.Times(40));

    [Theory]
    [MemberData(nameof(Methods))]
    public void The_residual_is_at_most_the_tolerance_exactly_when_converged(FixedPointSolver solver, Activation activation) =>
        Gen.Select(RandomCell.Within(0.1, 1.5), Gen.Int[1, 40], Gen.Double[-8, -1]).Sample((cell, cap, exponent) =>
        {
            var settings = new EquilibriumSettings(solver, new Tolerance(Math.Pow(10, exponent)), cap);
            var (solution, _) = MapSolve.InFloat32(cell.W, Linear.ToFloat(cell.Injection), activation, settings);
            (solution.Residual <= settings.Tolerance.Relative).Should().Be(solution.Status == SolveStatus.Converged);
            solution.Iterations.Should().BeInRange(1, cap);
        }, iter: LongForm.Times(60));

    /// <summary>A residual kept in float32 was rounded up to above the tolerance that it had met.</summary>
    [Fact]
    public void A_residual_that_just_meets_the_tolerance_is_not_reported_above_it()
    {
        for (var cap = 2; cap < 30; cap++)
        {
            var met = Solve(new EquilibriumSettings(new Picard(), new Tolerance(1e-300, 1e-300), cap)).Residual;
            var solution = Solve(new EquilibriumSettings(new Picard(), new Tolerance(met * (1 + 1e-12), 1e-200)));
            solution.Status.Should().Be(SolveStatus.Converged);
            solution.Residual.Should().BeLessThanOrEqualTo(met * (1 + 1e-12));
        }

        static RowSolution Solve(EquilibriumSettings settings) => MapSolve.InFloat64([0.7], [1], Activation.ReLU, settings).Solution;
    }

    [Fact]
    public void Damping_changes_the_path_and_the_residual_tested_is_the_undamped_one()
    {
        var cell = new RandomCell(12, 4, 1, 0.6, 5).Fill();
        var (w, u) = (Linear.ToDouble(cell.W), cell.Injection);
        var tolerance = new Tolerance(1e-6);
        var (undamped, _) = MapSolve.InFloat64(w, u, Activation.ReLU, new EquilibriumSettings(new Picard(), tolerance, 1_000));
        var (damped, z) = MapSolve.InFloat64(w, u, Activation.ReLU, new EquilibriumSettings(new Picard(0.1f), tolerance, 1_000));
        damped.Iterations.Should().BeGreaterThan(3 * undamped.Iterations);
        MapSolve.Residual(w, u, z, Activation.ReLU, tolerance).Should().BeApproximately(damped.Residual, 1e-14);
        damped.Residual.Should().BeInRange(1e-7, 1e-6, "a test on the damped step would have stopped ten times too early");
    }

    [Fact]
    public void Damping_finds_a_fixed_point_that_plain_iteration_runs_away_from()
    {
        // z = tanh(-2 z + 1): the slope at the fixed point is below -1.
        double[] w = [-2], u = [1];
        var tolerance = new Tolerance(1e-12, 1e-200);
        MapSolve.InFloat64(w, u, Activation.Tanh, new EquilibriumSettings(new Picard(), tolerance, 1_000)).Solution.Status.Should().Be(SolveStatus.IterationLimit);
        var (solution, z) = MapSolve.InFloat64(w, u, Activation.Tanh, new EquilibriumSettings(new Picard(0.5f), tolerance, 1_000));
        solution.Status.Should().Be(SolveStatus.Converged);
        Math.Tanh(-2 * z[0] + 1).Should().BeApproximately(z[0], 1e-11);
    }

    [Fact]
    public void A_rows_result_is_the_same_bit_for_bit_whatever_the_scratch_held() => RandomCell.Within(0.3, 0.95).Sample(cell =>
    {
        var settings = new EquilibriumSettings(new Anderson());
        var u = Linear.ToFloat(cell.Injection);
        var first = MapSolve.InFloat32(cell.W, u, Activation.ReLU, settings);
        var again = MapSolve.InFloat32(cell.W, u, Activation.ReLU, settings);
        again.Solution.Should().Be(first.Solution);
        again.Z.Should().Equal(first.Z);
    }, iter: LongForm.Times(30));
}
