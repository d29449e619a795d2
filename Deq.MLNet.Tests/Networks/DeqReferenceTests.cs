using CsCheck;
using Deq.MLNet.Networks;

namespace Deq.MLNet.Tests.Networks;

/// <summary>The library's own float64 equilibrium, by which an export chooses its steps.</summary>
public class DeqReferenceTests
{
    [Fact]
    public void It_is_right_for_cells_that_contract_are_triangular_or_monotone() =>
        Gen.OneOf(CellProblem.Contraction, CellProblem.Triangular, CellProblem.Monotone).Sample(problem =>
        {
            float[] identity = [.. Enumerable.Range(0, problem.Size * problem.Size).Select(i => i % (problem.Size + 1) == 0 ? 1f : 0)];
            var rule = problem.Kind == CellKind.Monotone ? WellPosedness.Monotone(0.1f) : WellPosedness.None;
            // What scoring is set to does not matter.
            var network = new DeqNetwork(new DeqWeights(problem.W, identity, new float[problem.Size], identity, new float[problem.Size]), problem.Activation, Link.Identity, new EquilibriumSettings(new Picard(), maxIterations: 1), rule);
            var y = new DeqReference(network).EvaluateAffine(problem.U);
            Linear.Distance(y, problem.Equilibrium).Should().BeLessThan(problem.ErrorPerResidual * 1e-12 * (1 + Linear.Norm(problem.Equilibrium) + Linear.Norm(problem.U64)), "{0}", problem);
        }, iter: LongForm.Times(60));

    /// <summary>Turns of many speeds, which five iterates cannot span: mixing them, as for every other cell, does not find the equilibrium, and exports had no curve.</summary>
    [Fact]
    public void A_monotone_cell_that_mixing_does_not_solve_is_solved_by_the_method_of_its_rule()
    {
        const int Size = 40;
        float[] identity = [.. Enumerable.Range(0, Size * Size).Select(i => i % (Size + 1) == 0 ? 1f : 0)], w = [.. identity.Select(v => v / 2)], u = [.. Enumerable.Range(1, Size).Select(i => 1f / i)];
        for (var i = 0; i < Size; i += 2)
        {
            (w[i * Size + i + 1], w[(i + 1) * Size + i]) = (-0.5f - i / 8f, 0.5f + i / 8f);
        }
        MapSolve.InFloat64(Linear.ToDouble(w), Linear.ToDouble(u), Activation.Identity, new EquilibriumSettings(new Anderson(), new Tolerance(1e-14, 1e-300), 5_000)).Solution.Status.IsSolved().Should().BeFalse();
        var network = new DeqNetwork(new DeqWeights(w, identity, new float[Size], identity, new float[Size]), Activation.Identity, Link.Identity, new EquilibriumSettings(), WellPosedness.Monotone(0.5f));
        var expected = Linear.Solve([.. w.Select((v, i) => (i % (Size + 1) == 0 ? 1.0 : 0) - v)], Linear.ToDouble(u));
        new DeqReference(network).EvaluateAffine(u).LargestDifference(expected).Should().BeLessThan(1e-12);
    }

    /// <summary>An equilibrium beside a kink, about which mixed steps go round for ever at a residual of 2e-4, and which plain iteration finds in 12 steps. Its outputs were NaN.</summary>
    [Fact]
    public void A_layer_normalised_cell_in_which_mixing_goes_round_a_kink_is_solved_by_plain_iteration()
    {
        var drawn = new RandomNetwork(3, 3, 3, 0.7837837837837838, Activation.LeakyReLU, [6, 6], true, true, 413023);
        var random = new Random(drawn.Seed);
        var map = new AffineMap([.. Enumerable.Range(0, 3).Select(_ => 0.5 + random.NextDouble())], [.. Enumerable.Range(0, 3).Select(_ => 2 * random.NextDouble() - 1)]);
        float[] x = [.. drawn.Row(1).Select((v, i) => (float)map.Apply(i, v))];

        drawn.Network().EvaluateFloat64(x).LargestDifference(Float64.Evaluate(drawn.Network(), x)).Should().BeLessThan(1e-10);
    }
}
