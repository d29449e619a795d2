using CsCheck;

namespace Deq.MLNet.Tests.Equilibrium;

public class SplittingTests
{
    private static readonly Tolerance Tolerance = new(1e-5);

    [Fact]
    public void Peaceman_Rachford_needs_few_steps_where_the_norm_of_W_is_above_3()
    {
        var counts = new List<int>();
        for (var seed = 0; seed < 12; seed++)
        {
            foreach (var m in new[] { 0.1, 0.5, 1 })
            {
                var problem = new CellProblem(CellKind.Monotone, 64, 1 - m, Activation.ReLU, seed);
                Linear.SingularValues(problem.W64, 64)[0].Should().BeGreaterThan(3);
                var (solution, _) = Solve(problem, new PeacemanRachford());
                solution.Status.Should().Be(SolveStatus.Converged);
                counts.Add(solution.Iterations);
            }
        }
        counts.Average().Should().BeInRange(20, 40);
        counts.Max().Should().BeLessThanOrEqualTo(45);
    }

    [Fact]
    public void Plain_iteration_does_not_find_the_equilibrium_of_a_monotone_cell_and_says_so()
    {
        var statuses = Enumerable.Range(0, 12).Select(seed => Solve(new CellProblem(CellKind.Monotone, 64, 0.9, Activation.Identity, seed), new Picard()).Solution.Status).ToList();
        statuses.Should().OnlyContain(s => s == SolveStatus.Diverged);
        Enumerable.Range(0, 12).Select(seed => Solve(new CellProblem(CellKind.Monotone, 64, 0.9, Activation.ReLU, seed), new Picard()).Solution)
            .Should().OnlyContain(s => s.Status == SolveStatus.Diverged || s.Status == SolveStatus.IterationLimit && s.Residual > 1e-2);
    }

    [Fact]
    public void The_step_changes_the_path()
    {
        var problem = new CellProblem(CellKind.Monotone, 32, 0.5, Activation.LeakyReLU, 3);
        new[] { 0.1f, 1, 10 }.Select(step => Solve(problem, new PeacemanRachford(step)).Solution).Should().OnlyContain(s => s.Status == SolveStatus.Converged).And.OnlyHaveUniqueItems(s => s.Iterations);
        var (quick, slow, natural) = (Solve(problem, new ForwardBackward(0.05f)), Solve(problem, new ForwardBackward(0.01f)), Solve(problem, new ForwardBackward()));
        slow.Solution.Iterations.Should().BeGreaterThan(3 * quick.Solution.Iterations);
        new[] { quick, slow, natural }.Should().OnlyContain(s => s.Solution.Status == SolveStatus.Converged);
        Solve(problem, new ForwardBackward(2)).Solution.Status.Should().NotBe(SolveStatus.Converged, "the step is far above m / ||I - W||^2");
    }

    /// <summary>For the linear cell a step multiplies the error by I - step (I - W), whose norm is at most sqrt(1 - m^2 / ||I - W||^2) at the step taken.</summary>
    [Fact]
    public void The_natural_step_contracts_as_promised() => CellProblem.Monotone.Sample(p =>
    {
        var problem = p with { Activation = Activation.Identity };
        var n = problem.Size;
        var shifted = problem.W64.Select((v, i) => (i % (n + 1) == 0 ? 1 : 0) - v).ToArray();
        var norm = Linear.SingularValues(shifted, n)[0];
        const int Steps = 200;
        var (_, z) = MapSolve.InFloat64(problem.W64, problem.U64, Activation.Identity, new EquilibriumSettings(new ForwardBackward(), new Tolerance(1e-14, 1e-200), Steps + 1));
        // The rule's m, 1 - rho, is a lower bound of the cell's own.
        var rate = Math.Sqrt(1 - Math.Pow((1 - problem.Rho) / norm, 2));
        Linear.Distance(z, problem.Equilibrium).Should().BeLessThanOrEqualTo(Math.Pow(rate, Steps) * Linear.Norm(problem.Equilibrium) * Condition(shifted, n) + 1e-9);
    }, iter: LongForm.Times(15));

    /// <summary>The best iterate is that of the least residual: its error is at most the condition number times that of the last.</summary>
    private static double Condition(double[] a, int n)
    {
        var values = Linear.SingularValues(a, n);
        return values[0] / values[^1];
    }

    private static (RowSolution Solution, float[] Z) Solve(CellProblem problem, FixedPointSolver solver) =>
        MapSolve.InFloat32(problem.W, problem.U, problem.Activation, new EquilibriumSettings(solver, Tolerance, solver is ForwardBackward ? 20_000 : 500));
}
