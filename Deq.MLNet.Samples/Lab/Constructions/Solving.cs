namespace Deq.MLNet.Samples.Lab;

/// <summary>How the equilibria of some rows are found by a method, in float32.</summary>
/// <param name="Evaluations">Evaluations of the cell, of the row that took most.</param>
/// <param name="Stalled">Rows that ended at the precision of float32 before the tolerance was met.</param>
/// <param name="Unsolved">Rows that were not solved.</param>
/// <param name="Error">The largest error of y.</param>
internal sealed record Solving(int Evaluations, int Stalled, int Unsolved, double Error)
{
    private const int Most = 2_000_000;

    public static Solving Of(Construction construction, FixedPointSolver solver, float[] x)
    {
        var network = construction.SolvedBy(solver, Most);
        var v = network.V.ToArray();
        var rows = x.AsParallel().Select(value =>
        {
            var z = new float[network.StateSize];
            var solution = network.Solve([value], new float[network.ScratchSize], z);
            return (solution, Error: Math.Abs(v.Zip(z, (a, b) => (double)a * b).Sum() - construction.Target(value)));
        }).ToList();
        int Count(SolveStatus status) => rows.Count(row => row.solution.Status == status);
        return new Solving(rows.Max(row => row.solution.Iterations), Count(SolveStatus.AtPrecisionLimit), rows.Count - Count(SolveStatus.AtPrecisionLimit) - Count(SolveStatus.Converged), rows.Max(row => row.Error));
    }
}
