using CsCheck;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Solvers;

/// <summary>At one tolerance, the error of every solver against float64 references, for the cell and for its adjoint, in both number types.</summary>
public abstract class ErrorTests(bool judgesRows)
{
    private static readonly Tolerance Tolerance = new(1e-5);

    [Fact]
    public void Every_solver_meets_its_bound_on_cells_that_contract() => CellProblem.Contraction.Sample(problem =>
    {
        var linear = problem.Activation.IsPiecewiseLinear();
        FixedPointSolver[] always = [new Picard(), new Picard(0.6f), new Anderson(), new Anderson(2, 0.8f), new Broyden(), new Broyden(3), new Auto()];
        FixedPointSolver[] pieces = [new Newton(), new PeacemanRachford(), new PeacemanRachford(0.5f), .. problem.Rho < 0.95 ? [new ForwardBackward(), new ForwardBackward(0.3f)] : Array.Empty<FixedPointSolver>()];
        // The slopes of GELU go above 1 and below 0: multiplication by them is no proximal map.
        FixedPointSolver[] diagonal = problem.Kind == CellKind.Diagonal ? [new ForwardSubstitution()] : [];
        Check(problem, [.. always, .. linear ? pieces : [], .. linear ? diagonal : []], [.. always, .. problem.Activation != Activation.GELU ? pieces : [new Newton()], .. diagonal]);
    }, iter: LongForm.Times(60), threads: 1);

    [Fact]
    public void Splittings_and_Newton_meet_their_bound_on_monotone_cells() => CellProblem.Monotone.Sample(problem =>
    {
        FixedPointSolver[] solvers = [new PeacemanRachford(), new PeacemanRachford(0.3f), new Newton(), .. problem.Rho <= 0.5 ? [new ForwardBackward()] : Array.Empty<FixedPointSolver>()];
        Check(problem, solvers, solvers);
    }, iter: LongForm.Times(40), threads: 1);

    [Fact]
    public void Substitution_meets_its_bound_on_triangular_cells() => CellProblem.Triangular.Sample(problem =>
    {
        FixedPointSolver[] solvers = [new ForwardSubstitution(), new Picard()];
        Check(problem, [.. solvers, .. problem.Activation.IsPiecewiseLinear() ? [new Newton()] : Array.Empty<FixedPointSolver>()], [.. solvers, new Newton()]);
    }, iter: LongForm.Times(40), threads: 1);

    private void Check(CellProblem problem, FixedPointSolver[] solvers, FixedPointSolver[] adjointSolvers)
    {
        var (w, u) = (problem.W64, problem.U64);
        double[][] mates = [[.. u.Select(v => -v)], [.. u.Select((_, i) => u[^(i + 1)])]];
        var perResidual = problem.ErrorPerResidual;
        var slope = Linear.Affine(w, problem.Equilibrium, u).Select(a => (double)(float)Phi.Slope(problem.Activation, a)).ToArray();
        var forward = new BatchSolve(w, [u, .. mates], problem.Activation) { JudgesRows = judgesRows, Tolerance = Tolerance };
        var adjoint = forward with { Slopes = [slope, slope, slope], Tolerance = new Tolerance(Tolerance.Relative, 1e-30) };
        double[][] exact = [problem.Equilibrium, .. mates.Select(problem.EquilibriumOf)], exactAdjoint = [adjoint.Adjoint(0), adjoint.Adjoint(1), adjoint.Adjoint(2)];
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            foreach (var solver in solvers)
            {
                Bounded(forward with { Type = type }, solver, exact);
            }
            foreach (var solver in adjointSolvers)
            {
                Bounded(adjoint with { Type = type }, solver, exactAdjoint);
            }
        }

        void Bounded(BatchSolve batch, FixedPointSolver solver, double[][] exact)
        {
            var result = batch.By(solver);
            // What rounding adds to a residual: each sum to its terms, and phi a few units in its last place.
            var epsilon = batch.Type == ScalarType.Float32 ? 1.2e-7 : 2.3e-16;
            for (var row = 0; row < exact.Length; row++)
            {
                var because = $"row {row} by {solver} on {problem}{(batch.Slopes is null ? "" : ", adjoint")}, {batch.Type}";
                result.Rows[row].Status.Should().Be(SolveStatus.Converged, because);
                var z = result.Z[row];
                var floor = 2 * epsilon * ((Linear.Norm(w) + 4) * Linear.Norm(z) + Linear.Norm(u));
                var allowed = perResidual * (batch.Tolerance.Absolute + batch.Tolerance.Relative * Linear.Norm(result.F[row]) + floor);
                Linear.Distance(z, exact[row]).Should().BeLessThanOrEqualTo(allowed, because);
                // The reference's own GELU is good to 1e-15.
                Linear.Distance(result.F[row], batch.Map(row, z)).Should().BeLessThanOrEqualTo(floor + 1e-13 * (1 + Linear.Norm(z)), "f is the map of the z returned: " + because);
            }
        }
    }
}

public sealed class ErrorTestsOfTheHost() : ErrorTests(judgesRows: false);

public sealed class ErrorTestsOfADevice() : ErrorTests(judgesRows: true);
