namespace Deq.MLNet.Tests.Equilibrium;

public class AutoTests
{
    private static readonly Tolerance Tolerance = new(1e-6);

    [Fact]
    public void It_is_plain_iteration_bit_for_bit_where_that_is_quick()
    {
        foreach (var size in new[] { 8, 64, 128 })
        {
            var problem = new CellProblem(CellKind.Gaussian, size, 0.3, Activation.Tanh, 4);
            var (plain, auto) = (Solve(problem, new Picard()), Solve(problem, new Auto()));
            auto.Solution.Should().Be(plain.Solution);
            auto.Z.Should().Equal(plain.Z);
        }
    }

    [Fact]
    public void It_gives_way_to_mixing_where_plain_iteration_is_slow()
    {
        foreach (var size in new[] { 8, 64 })
        {
            for (var seed = 0; seed < 6; seed++)
            {
                var problem = new CellProblem(CellKind.NearlySingular, size, 0.99, Activation.Identity, seed);
                var (plain, mixed, auto) = (Solve(problem, new Picard()).Solution, Solve(problem, new Anderson()).Solution, Solve(problem, new Auto()).Solution);
                auto.Status.Should().Be(SolveStatus.Converged);
                plain.Iterations.Should().BeGreaterThan(300);
                auto.Iterations.Should().BeLessThan(plain.Iterations / 5).And.BeLessThan(mixed.Iterations + 20);
            }
        }
    }

    /// <summary>At a rate of 0.75 some 45 plain steps are left: mixing pays for itself where the product with W is dear, and not where it costs next to nothing.</summary>
    [Fact]
    public void The_switch_depends_on_the_state_size()
    {
        (int Plain, int Auto) Iterations(int size)
        {
            // Half a rotation by 90 degrees, half one by 120: what the mixing has to find is the same for every size.
            var w = new float[size * size];
            for (var i = 0; i < size; i += 2)
            {
                var angle = i < size / 2 ? Math.PI / 2 : 2 * Math.PI / 3;
                (w[i * size + i], w[i * size + i + 1]) = ((float)(0.75 * Math.Cos(angle)), (float)(-0.75 * Math.Sin(angle)));
                (w[(i + 1) * size + i], w[(i + 1) * size + i + 1]) = ((float)(0.75 * Math.Sin(angle)), (float)(0.75 * Math.Cos(angle)));
            }
            float[] u = [.. Enumerable.Range(0, size).Select(i => i % 2 + 1f)];
            int Of(FixedPointSolver solver) => MapSolve.InFloat32(w, u, Activation.Identity, new EquilibriumSettings(solver, Tolerance)).Solution.Iterations;
            return (Of(new Picard()), Of(new Auto()));
        }
        var (few, many) = (Iterations(4), Iterations(128));
        few.Auto.Should().Be(few.Plain);
        many.Plain.Should().BeInRange(40, 55);
        many.Auto.Should().BeLessThan(20);
    }

    [Fact]
    public void It_finds_what_plain_iteration_runs_away_from()
    {
        // The rotation by a right angle stretched by 1.2: plain iteration diverges, and mixing spans the space of four states.
        float[] w = [0, -1.2f, 0, 0, 1.2f, 0, 0, 0, 0, 0, 0.3f, 0.1f, 0, 0, -0.1f, 0.2f], u = [1, 2, 3, 4];
        MapSolve.InFloat32(w, u, Activation.Identity, new EquilibriumSettings(new Picard(), Tolerance, 1000)).Solution.Status.Should().Be(SolveStatus.Diverged);
        var (solution, z) = MapSolve.InFloat32(w, u, Activation.Identity, new EquilibriumSettings(new Auto(), Tolerance));
        solution.Status.Should().Be(SolveStatus.Converged);
        solution.Iterations.Should().BeLessThan(30);
        Linear.Distance(FixedPoint.Cell(Linear.ToDouble(w), Linear.ToDouble(u), Linear.ToDouble(z), Activation.Identity), Linear.ToDouble(z)).Should().BeLessThan(1e-5);
    }

    [Fact]
    public void It_knows_a_triangular_W_whatever_phi()
    {
        foreach (var activation in Enum.GetValues<Activation>())
        {
            var problem = new CellProblem(CellKind.Triangular, 40, 0, activation, 7);
            Solve(problem, new Auto()).Solution.Iterations.Should().Be(2);
            Solve(problem, new Picard()).Solution.Iterations.Should().BeGreaterThan(5);
        }
        // One that has a diagonal too, where phi is of straight lines; above 1 there may be no equilibrium, or two.
        Iterations([0.9f, 0, 0.5f, -0.9f], Activation.ReLU).Should().Be(2);
        Iterations([0.9f, 0, 0.5f, -0.9f], Activation.Tanh).Should().BeGreaterThan(5);

        static int Iterations(float[] w, Activation activation) => MapSolve.InFloat32(w, [1, 1], activation, new EquilibriumSettings(new Auto())).Solution.Iterations;
    }

    private static (RowSolution Solution, float[] Z) Solve(CellProblem problem, FixedPointSolver solver) =>
        MapSolve.InFloat32(problem.W, problem.U, problem.Activation, new EquilibriumSettings(solver, Tolerance, 5_000));
}
