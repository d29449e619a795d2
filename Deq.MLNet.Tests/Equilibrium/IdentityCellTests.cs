namespace Deq.MLNet.Tests.Equilibrium;

/// <summary>z = r z + 1 in every state: the equilibrium is 1 / (1 - r), positive below r = 1, none at 1, negative above.</summary>
public class IdentityCellTests
{
    private const int Size = 6;

    public static TheoryData<FixedPointSolver> Solvers =>
        [new Picard(), new Picard(0.5f), new Anderson(), new Anderson(memory: 1), new Auto(), new Newton(), new ForwardSubstitution(), new ForwardBackward(), new PeacemanRachford(), new PeacemanRachford(0.3f)];

    [Theory]
    [MemberData(nameof(Solvers))]
    public void The_status_is_right_below_at_and_above_a_spectral_radius_of_one(FixedPointSolver solver)
    {
        foreach (var r in new[] { 0.5, 0.99, 1.0, 1.5, 2 })
        {
            var (solution, z) = Solve(r, solver);
            var (in32, z32) = Solve32(r, solver);
            var exact = solver is Newton or ForwardSubstitution || solver is Anderson && r != 1;
            if (r < 1 || r > 1 && exact)
            {
                (solution.Status, in32.Status).Should().Be((SolveStatus.Converged, SolveStatus.Converged), "r = {0}", r);
                z.Should().OnlyContain(v => Math.Abs(v - 1 / (1 - r)) < 1e-4 / Math.Abs(1 - r));
                z32.Should().OnlyContain(v => Math.Abs(v - 1 / (1 - r)) < 2e-3 / Math.Abs(1 - r));
            }
            else if (r == 1)
            {
                solution.Status.Should().BeOneOf(SolveStatus.IterationLimit, SolveStatus.Diverged);
                in32.Status.Should().BeOneOf(SolveStatus.IterationLimit, SolveStatus.Diverged);
            }
            else
            {
                // Auto turns to the mixing, which finds the negative state; plain iteration and the splittings, whose condition is broken, run away.
                var expected = solver is Auto ? SolveStatus.Converged : SolveStatus.Diverged;
                (solution.Status, in32.Status).Should().Be((expected, expected), "r = {0}", r);
                (expected == SolveStatus.Diverged || z.Concat(z32).All(v => Math.Abs(v - 1 / (1 - r)) < 1e-3)).Should().BeTrue("r = {0}", r);
            }
        }
    }

    [Fact]
    public void Above_one_plain_iteration_diverges_and_the_exact_methods_find_the_negative_state()
    {
        foreach (var r in new[] { 1.5, 2 })
        {
            Solve(r, new Picard()).Solution.Status.Should().Be(SolveStatus.Diverged);
            foreach (var solver in new FixedPointSolver[] { new Newton(), new ForwardSubstitution() })
            {
                var (solution, z) = Solve(r, solver);
                solution.Should().Be(new RowSolution(SolveStatus.Converged, 2, solution.Residual));
                z.Should().OnlyContain(v => v == 1 / (1 - r));
            }
        }
    }

    private static (RowSolution Solution, double[] Z) Solve(double r, FixedPointSolver solver) =>
        MapSolve.InFloat64([.. Enumerable.Range(0, Size * Size).Select(i => i % (Size + 1) == 0 ? r : 0)], [.. Enumerable.Repeat(1.0, Size)], Activation.Identity, new EquilibriumSettings(solver, new Tolerance(1e-6), 20_000));

    private static (RowSolution Solution, double[] Z) Solve32(double r, FixedPointSolver solver)
    {
        var (solution, z) = MapSolve.InFloat32([.. Enumerable.Range(0, Size * Size).Select(i => i % (Size + 1) == 0 ? (float)r : 0)], [.. Enumerable.Repeat(1f, Size)], Activation.Identity, new EquilibriumSettings(solver, new Tolerance(1e-5), 20_000));
        return (solution, Linear.ToDouble(z));
    }
}
