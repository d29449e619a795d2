using CsCheck;

namespace Deq.MLNet.Tests.Equilibrium;

/// <summary>Every method that applies to a cell, at one tolerance: the error against the float64 equilibrium is at most what the residual allows, and the rounding of the number type.</summary>
public class SolverAccuracyTests
{
    private const int Cap = 300_000;

    private static readonly Tolerance Single = new(1e-5), Double = new(1e-10, 1e-200);

    public static TheoryData<FixedPointSolver> ForContractions => [new Picard(), new Picard(0.7f), new Anderson(), new Auto(), new Newton(), new PeacemanRachford(), new ForwardBackward()];

    public static TheoryData<FixedPointSolver> ForMonotone => [new Newton(), new PeacemanRachford(), new PeacemanRachford(0.4f), new ForwardBackward()];

    public static TheoryData<FixedPointSolver> ForTriangular => [new ForwardSubstitution(), new Auto(), new Picard(), new Newton()];

    [Theory]
    [MemberData(nameof(ForContractions))]
    public void Contractions(FixedPointSolver solver) => CellProblem.Contraction
        // Forward-backward takes the step of the worst monotone W: near 0.99 a million of them.
        .Where(p => Applies(solver, p.Activation) && (solver is not ForwardBackward || p.Rho < 0.95))
        .Sample(p => Check(solver, p), iter: LongForm.Times(25));

    [Theory]
    [MemberData(nameof(ForMonotone))]
    public void Monotone_cells_of_a_norm_above_one(FixedPointSolver solver) =>
        CellProblem.Monotone.Where(p => solver is not ForwardBackward || p.Rho <= 0.5).Sample(p => Check(solver, p), iter: LongForm.Times(15));

    [Theory]
    [MemberData(nameof(ForMonotone))]
    public void Monotone_cells_most_of_whose_states_are_zero(FixedPointSolver solver)
    {
        foreach (var (w, u) in MostlyDeadCells.Of(solver is ForwardBackward ? 1 : LongForm.Times(4)))
        {
            var (solution, z) = MapSolve.InFloat32(w, u, Activation.ReLU, new EquilibriumSettings(solver, Single, Cap));
            // A forward-backward step of 0.002 of the residual is lost in float32 before the residual is.
            solution.Status.Should().BeOneOf([SolveStatus.Converged, solver is ForwardBackward ? SolveStatus.AtPrecisionLimit : SolveStatus.Converged], "{0}", solver);
            MapSolve.Residual(Linear.ToDouble(w), Linear.ToDouble(u), Linear.ToDouble(z), Activation.ReLU, Single).Should().BeLessThan((solver is ForwardBackward ? 10 : 1.1) * Single.Relative);
        }
    }

    [Theory]
    [MemberData(nameof(ForTriangular))]
    public void Triangular_cells(FixedPointSolver solver) => CellProblem.Triangular.Where(p => Applies(solver, p.Activation)).Sample(p => Check(solver, p), iter: LongForm.Times(25));

    private static bool Applies(FixedPointSolver solver, Activation activation) =>
        solver is not (Newton or PeacemanRachford or ForwardBackward) || activation.IsPiecewiseLinear();

    private static void Check(FixedPointSolver solver, CellProblem problem)
    {
        var (in32, z32) = MapSolve.InFloat32(problem.W, problem.U, problem.Activation, new EquilibriumSettings(solver, Single, Cap));
        Check(in32, Linear.ToDouble(z32), Single, Math.Pow(2, -23));
        var (in64, z64) = MapSolve.InFloat64(problem.W64, problem.U64, problem.Activation, new EquilibriumSettings(solver, Double, Cap));
        Check(in64, z64, Double, Math.Pow(2, -52));

        void Check(RowSolution solution, double[] z, Tolerance tolerance, double epsilon)
        {
            solution.Status.Should().BeOneOf([SolveStatus.Converged, SolveStatus.AtPrecisionLimit], "{0} of {1}", solver, problem);
            var (f, floor) = (Linear.Norm(FixedPoint.Cell(problem.W64, problem.U64, z, problem.Activation)), epsilon * ((Linear.Norm(problem.W64) + 4) * Linear.Norm(z) + Linear.Norm(problem.U64)));
            if (solution.Status == SolveStatus.AtPrecisionLimit)
            {
                (solution.Residual * f).Should().BeLessThan(30 * floor, "{0} of {1} is at the precision of the type", solver, problem);
            }
            // The equilibrium itself is known to a few 1e-13.
            var allowed = problem.ErrorPerResidual * (solution.Residual * (f + tolerance.Absolute / tolerance.Relative) + floor) + 1e-12 * (1 + Linear.Norm(problem.Equilibrium));
            Linear.Distance(z, problem.Equilibrium).Should().BeLessThanOrEqualTo(allowed, "{0} of {1}", solver, problem);
        }
    }
}
