using CsCheck;
using Deq.MLNet.Networks;

namespace Deq.MLNet.Tests.Networks;

/// <summary>The library's own float64 equilibrium, by which an export chooses its steps.</summary>
public class DeqReferenceTests
{
    private sealed record MonotoneLike : WellPosedness
    {
        public override float? Bound => null;

        internal override FixedPointSolver NaturalSolver(Activation activation) => new PeacemanRachford();
    }

    [Fact]
    public void It_is_right_for_cells_that_contract_are_triangular_or_monotone() =>
        Gen.OneOf(CellProblem.Contraction, CellProblem.Triangular, CellProblem.Monotone).Where(p => p.Activation != Activation.GELU || p.Size < 6).Sample(problem =>
        {
            float[] identity = [.. Enumerable.Range(0, problem.Size * problem.Size).Select(i => i % (problem.Size + 1) == 0 ? 1f : 0)];
            var rule = problem.Kind == CellKind.Monotone ? new MonotoneLike() : WellPosedness.None;
            // What scoring is set to does not matter.
            var network = new DeqNetwork(new DeqWeights(problem.W, identity, new float[problem.Size], identity, new float[problem.Size]), problem.Activation, Link.Identity, new EquilibriumSettings(new Picard(), maxIterations: 1), rule);
            var y = new DeqReference(network).EvaluateAffine(problem.U);
            Linear.Distance(y, problem.Equilibrium).Should().BeLessThan(problem.ErrorPerResidual * 1e-12 * (1 + Linear.Norm(problem.Equilibrium) + Linear.Norm(problem.U64)), "{0}", problem);
        }, iter: LongForm.Times(60));
}
