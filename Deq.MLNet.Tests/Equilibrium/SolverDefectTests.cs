using Deq.MLNet.Networks;

namespace Deq.MLNet.Tests.Equilibrium;

/// <summary>Defects of other equilibrium libraries, each looked for in every method.</summary>
public class SolverDefectTests
{
    private static readonly CellProblem Problem = new(CellKind.Gaussian, 9, 0.9, Activation.ReLU, 21);

    public static TheoryData<FixedPointSolver> Solvers =>
        [new Picard(), new Picard(0.5f), new Anderson(), new Anderson(memory: 1), new Anderson(memory: 20), new Auto(), new Newton(), new ForwardSubstitution(), new ForwardBackward(), new PeacemanRachford()];

    [Theory]
    [MemberData(nameof(Solvers))]
    public void A_cap_of_1_or_2_returns_the_better_of_the_iterates_and_not_the_start(FixedPointSolver solver)
    {
        var trace = new List<double>();
        var (one, z1) = Solve(solver, 1);
        one.Should().Be(new RowSolution(SolveStatus.IterationLimit, 1, one.Residual));
        one.Residual.Should().BeApproximately(1, 1e-3, "f(0) is as far from 0 as its norm");
        z1.Should().OnlyContain(v => v == 0);
        var (two, z2) = Solve(solver, 2, trace);
        two.Iterations.Should().Be(2);
        two.Residual.Should().Be(trace.Min()).And.BeLessThan(1);
        z2.Should().Contain(v => v != 0);
    }

    [Theory]
    [MemberData(nameof(Solvers))]
    public void A_memory_of_one_and_every_other_option_works_for_one_state_and_for_many(FixedPointSolver solver)
    {
        foreach (var size in new[] { 1, 2, 33 })
        {
            var problem = Problem with { Size = size };
            var (solution, z) = MapSolve.InFloat64(problem.W64, problem.U64, problem.Activation, new EquilibriumSettings(solver, new Tolerance(1e-9), 100_000));
            solution.Status.Should().Be(SolveStatus.Converged);
            Linear.Distance(z, problem.Equilibrium).Should().BeLessThan(1e-7 * (1 + Linear.Norm(problem.Equilibrium)));
        }
    }

    /// <summary>A batch once shared its best iterate and its scratch: a NaN row poisoned the others.</summary>
    [Theory]
    [MemberData(nameof(Solvers))]
    public void One_NaN_row_touches_no_other(FixedPointSolver solver)
    {
        var (alone, z) = Solve(solver, 3_000);
        var network = new DeqNetwork(new DeqWeights(Problem.W, Identity(9), new float[9], Identity(9), new float[9]), Problem.Activation, Link.Identity,
            new EquilibriumSettings(solver, new Tolerance(1e-5), 3_000), WellPosedness.None);
        var (scratch, state) = (new float[network.ScratchSize], new float[9]);
        float[] broken = [.. Problem.U[..8], float.NaN];
        float[] huge = [.. Problem.U.Select(v => Math.Abs(v) * 3e38f)];
        foreach (var row in new[] { broken, huge, Problem.U, broken, Problem.U })
        {
            var solution = network.Solve(row, scratch, state);
            if (ReferenceEquals(row, Problem.U))
            {
                solution.Should().Be(alone);
                state.Should().Equal(z);
            }
            else
            {
                solution.Status.IsSolved().Should().BeFalse();
                state.Should().OnlyContain(v => float.IsNaN(v));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Solvers))]
    public void The_residual_tested_is_the_true_one_whatever_the_damping_or_the_splitting(FixedPointSolver solver)
    {
        var tolerance = new Tolerance(1e-3);
        var (solution, z) = MapSolve.InFloat64(Problem.W64, Problem.U64, Problem.Activation, new EquilibriumSettings(solver, tolerance, 10_000));
        solution.Status.Should().Be(SolveStatus.Converged);
        MapSolve.Residual(Problem.W64, Problem.U64, z, Problem.Activation, tolerance).Should().BeLessThanOrEqualTo(1e-3).And.BeApproximately(solution.Residual, 1e-12);
    }

    [Theory]
    [MemberData(nameof(Solvers))]
    public void The_trace_has_an_entry_for_every_iteration_and_no_placeholder(FixedPointSolver solver)
    {
        foreach (var cap in new[] { 1, 2, 5, 3_000 })
        {
            var trace = new List<double>();
            var (solution, _) = Solve(solver, cap, trace);
            trace.Should().HaveCount(solution.Iterations).And.OnlyContain(r => r > 0 || r == 0 && solution.Residual == 0);
            trace.Min().Should().Be(solution.Residual);
            Solve(solver, cap).Solution.Should().Be(solution, "to look on changes nothing");
        }
    }

    [Theory]
    [MemberData(nameof(Solvers))]
    public void The_callers_options_stay_as_they_are_and_what_the_scratch_held_does_not_matter(FixedPointSolver solver)
    {
        var before = solver.ToString();
        var (first, z) = Solve(solver, 3_000);
        solver.ToString().Should().Be(before);
        solver.GetType().GetProperties().Should().NotContain(p => p.CanWrite, "an option has no setter");
        foreach (var garbage in new[] { float.NaN, 0, 1e30f })
        {
            var (again, sameZ) = MapSolve.InFloat32(Problem.W, Problem.U, Problem.Activation, new EquilibriumSettings(solver, new Tolerance(1e-5), 3_000), garbage: garbage);
            again.Should().Be(first);
            sameZ.Should().Equal(z);
        }
    }

    /// <summary>In float64 the error of rounding overflowed before the state did, and a state that ran away ended as AtPrecisionLimit.</summary>
    [Fact]
    public void What_runs_away_in_float64_is_not_at_the_precision_limit()
    {
        var solution = MapSolve.InFloat64([1.5, 0, 0, 1.5], [1, 1], Activation.Identity, new EquilibriumSettings(new Picard(), new Tolerance(1e-6), 20_000)).Solution;
        solution.Status.Should().Be(SolveStatus.Diverged);
        solution.Iterations.Should().BeInRange(1_740, 1_755, "1.5^k leaves float64 near k = 1750");
    }

    /// <summary>
    /// A lucky small residual, and eight larger ones after it while all were falling, ended a row as AtPrecisionLimit at up to 370 times the tolerance: the rounding error was taken of all sums,
    /// though those that ReLU makes zero of add none. Newton's iterates meet the tolerance in every such row.
    /// </summary>
    [Fact]
    public void A_row_that_still_falls_while_few_states_are_alive_is_not_at_the_precision_limit()
    {
        foreach (var (w, u) in MostlyDeadCells.Of(30))
        {
            foreach (var solver in new FixedPointSolver[] { new Newton(), new PeacemanRachford() })
            {
                MapSolve.InFloat32(w, u, Activation.ReLU, new EquilibriumSettings(solver, new Tolerance(1e-6), 5_000)).Solution.Status.Should().Be(SolveStatus.Converged, "{0}", solver);
            }
        }
    }

    private static (RowSolution Solution, float[] Z) Solve(FixedPointSolver solver, int cap, List<double>? trace = null) =>
        MapSolve.InFloat32(Problem.W, Problem.U, Problem.Activation, new EquilibriumSettings(solver, new Tolerance(1e-5), cap), trace);

    private static float[] Identity(int size) => [.. Enumerable.Range(0, size * size).Select(i => i % (size + 1) == 0 ? 1f : 0)];
}
