using CsCheck;

namespace Deq.MLNet.Tests.Equilibrium;

public class ForwardSubstitutionTests
{
    private static readonly EquilibriumSettings Fine = new(new ForwardSubstitution(), new Tolerance(1e-12, 1e-200), 5);

    [Fact]
    public void One_pass_is_exact_for_every_strictly_triangular_cell() => CellProblem.Triangular.Sample(problem =>
    {
        var (solution, z) = MapSolve.InFloat64(problem.W64, problem.U64, problem.Activation, Fine);
        solution.Status.Should().Be(SolveStatus.Converged);
        solution.Iterations.Should().BeLessThanOrEqualTo(2, "one evaluation of f before the pass and one after it");
        Linear.Distance(z, problem.Equilibrium).Should().BeLessThan(1e-10 * (1 + Linear.Norm(problem.Equilibrium)));
    }, iter: LongForm.Times(60));

    [Fact]
    public void With_a_diagonal_each_state_has_a_closed_form() =>
        Gen.Select(Gen.Int[1, 32], Gen.OneOfConst(Activation.ReLU, Activation.LeakyReLU, Activation.Identity), Gen.Int[0, 1_000_000]).Sample((d, activation, seed) =>
        {
            var random = new Random(seed);
            var w = new CellProblem(CellKind.Triangular, d, 0, activation, seed).W64;
            for (var i = 0; i < d; i++)
            {
                // Down to -3: one equilibrium, which plain iteration runs away from.
                w[i * d + i] = 0.99 - 4 * random.NextDouble();
            }
            var u = Linear.ToDouble(RandomCell.Values(random, d, 1));
            var (solution, z) = MapSolve.InFloat64(w, u, activation, Fine);
            solution.Status.Should().Be(SolveStatus.Converged);
            solution.Iterations.Should().BeLessThanOrEqualTo(2);
            Linear.Distance(FixedPoint.Cell(w, u, z, activation), z).Should().BeLessThan(1e-12 * (1 + Linear.Norm(z)));
        }, iter: LongForm.Times(60));

    [Fact]
    public void A_network_refuses_it_where_one_pass_is_not_exact()
    {
        DeqNetwork Make(float[] w, Activation activation) => new(w, [1, 1], [0, 0], [1, 1], [0], activation, scoring: new EquilibriumSettings(new ForwardSubstitution()));
        Make([0, 0, 0.5f, 0], Activation.Tanh).StateSize.Should().Be(2);
        Make([0.5f, 0, 0.5f, -2], Activation.ReLU).StateSize.Should().Be(2);
        foreach (var (w, activation) in new[] { (new[] { 0, 0.5f, 0, 0 }, Activation.ReLU), ([0.5f, 0, 0.5f, 0], Activation.Tanh), ([1.5f, 0, 0, 0], Activation.ReLU) })
        {
            FluentActions.Invoking(() => Make(w, activation)).Should().Throw<ArgumentException>().WithMessage("ForwardSubstitution is for a lower triangular W*Use Auto, Anderson or Newton.*");
        }
    }
}
