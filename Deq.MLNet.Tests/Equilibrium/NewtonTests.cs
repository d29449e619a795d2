namespace Deq.MLNet.Tests.Equilibrium;

public class NewtonTests
{
    private static readonly EquilibriumSettings Fine = new(new Newton(), new Tolerance(1e-12, 1e-200), 200);

    [Theory]
    [InlineData(0.99)]
    [InlineData(0.9999)]
    [InlineData(0.999999)]
    public void A_few_steps_are_exact_even_where_I_minus_W_is_nearly_singular(double rho)
    {
        foreach (var activation in new[] { Activation.ReLU, Activation.LeakyReLU, Activation.Identity })
        {
            for (var seed = 0; seed < 6; seed++)
            {
                var problem = new CellProblem(CellKind.NearlySingular, 32, rho, activation, seed);
                var (in64, z64) = MapSolve.InFloat64(problem.W64, problem.U64, activation, Fine);
                var (in32, z32) = MapSolve.InFloat32(problem.W, problem.U, activation, new EquilibriumSettings(new Newton()));
                (in64.Status, in32.Status).Should().Be((SolveStatus.Converged, SolveStatus.Converged));
                in64.Iterations.Should().BeLessThanOrEqualTo(6);
                in32.Iterations.Should().BeLessThanOrEqualTo(6);
                Linear.Distance(z64, problem.Equilibrium).Should().BeLessThan(1e-8 * Linear.Norm(problem.Equilibrium));
                // The system is solved in float64 whatever the number type: only the state is rounded.
                Linear.Distance(Linear.ToDouble(z32), problem.Equilibrium).Should().BeLessThan(1e-7 * Linear.Norm(problem.Equilibrium));
            }
        }
        MapSolve.InFloat64(new CellProblem(CellKind.NearlySingular, 32, rho, Activation.Identity, 1).W64, [.. Enumerable.Repeat(1.0, 32)], Activation.Identity, new EquilibriumSettings(new Picard(), Fine.Tolerance, 200))
            .Solution.Status.Should().Be(SolveStatus.IterationLimit, "plain iteration needs more than 1,000 steps");
    }

    /// <summary>
    /// Both were found by search. All principal minors of I - W are positive, so each has exactly one equilibrium, and from zero the pieces of Newton's method come back after three steps for ever;
    /// of the second, plain iteration and its mixing do not find it either.
    /// </summary>
    [Theory]
    [InlineData(new[] { 0.5, -0.2, -1.3, 0.8, -1.3, 0.1, 0.3, -1.3, 0.5 }, new[] { 0.4, -0.4, 0 })]
    [InlineData(new[] { 0.9, -0.6, -1.4, 1.2, -1.2, 1.1, 0.9, -1.3, 0.9 }, new[] { 0.5, -0.5, 0 })]
    public void A_cell_whose_pieces_cycle_is_solved_by_damped_steps(double[] w, double[] u)
    {
        Pieces(w, u, 30).Skip(10).Distinct().Should().HaveCount(3, "undamped, it cycles");
        var (solution, z) = MapSolve.InFloat64(w, u, Activation.ReLU, Fine);
        solution.Status.Should().Be(SolveStatus.Converged);
        solution.Iterations.Should().BeInRange(8, 30);
        Linear.Distance(FixedPoint.Cell(w, u, z, Activation.ReLU), z).Should().BeLessThan(1e-15);
        MapSolve.InFloat32(Linear.ToFloat(w), Linear.ToFloat(u), Activation.ReLU, new EquilibriumSettings(new Newton())).Solution.Status.Should().Be(SolveStatus.Converged);
    }

    /// <summary>No choice of positive states is consistent with W and u: [0, 10] is not, nor [1.43, 0], [0, 0] or [-0.4, 6.4].</summary>
    [Fact]
    public void A_cell_without_an_equilibrium_ends_at_the_cap_with_its_best_iterate()
    {
        double[] w = [1.7, 0.2, 0.9, 0.9], u = [-1, 1];
        Pieces(w, u, 30).Skip(10).Distinct().Should().HaveCount(2, "undamped, it cycles");
        foreach (var cap in new[] { 1, 2, 3, 7, 50, 1000 })
        {
            var trace = new List<double>();
            var (solution, z) = MapSolve.InFloat64(w, u, Activation.ReLU, new EquilibriumSettings(new Newton(), Fine.Tolerance, cap), trace);
            solution.Should().Be(new RowSolution(SolveStatus.IterationLimit, cap, trace.Min()));
            MapSolve.Residual(w, u, z, Activation.ReLU, Fine.Tolerance).Should().BeApproximately(solution.Residual, 1e-13);
        }
    }

    [Fact]
    public void A_singular_piece_is_left_by_a_plain_step()
    {
        // With both states positive I - W is singular; the equilibrium (0, 1) lies on another piece.
        double[] w = [1, 0, -1, 0], u = [-0.25, 1];
        var (solution, z) = MapSolve.InFloat64(w, u, Activation.ReLU, Fine, start: [1, 0.5]);
        solution.Status.Should().Be(SolveStatus.Converged);
        z.Should().Equal(0, 1);
    }

    [Fact]
    public void A_phi_that_curves_is_refused_with_the_alternative() =>
        FluentActions.Invoking(() => MapSolve.InFloat64([0.5], [1], Activation.Tanh, Fine)).Should().Throw<ArgumentException>().WithMessage("Newton is for ReLU, LeakyReLU and Identity; the activation is Tanh. Use Anderson or Auto.");

    /// <summary>The pieces that undamped Newton goes through from zero, as its definition has it.</summary>
    private static List<string> Pieces(double[] w, double[] u, int steps)
    {
        var (z, pieces, n) = (new double[u.Length], new List<string>(), u.Length);
        for (var k = 0; k < steps; k++)
        {
            var slope = Linear.Affine(w, z, u).Select(a => a > 0 ? 1.0 : 0).ToArray();
            pieces.Add(string.Concat(slope));
            z = Linear.Solve([.. w.Select((v, i) => (i % (n + 1) == 0 ? 1 : 0) - slope[i / n] * v)], [.. u.Select((v, i) => slope[i] * v)]);
        }
        return pieces;
    }
}
