namespace Deq.MLNet;

/// <summary>How the equilibria of many rows were found, each row solved by itself as in scoring.</summary>
/// <param name="Rows">The rows solved.</param>
/// <param name="MeanIterations">Evaluations of f per row, mean.</param>
/// <param name="WorstIterations">Evaluations of f, of the row that took most.</param>
/// <param name="MeanResidual">The mean of <see cref="RowSolution.Residual"/> over the rows whose features are finite.</param>
/// <param name="WorstResidual">The largest <see cref="RowSolution.Residual"/> of those rows.</param>
/// <param name="RowsByStatus">The number of rows that ended with each status, indexed by <see cref="SolveStatus"/>.</param>
public sealed record SolveReport(int Rows, double MeanIterations, int WorstIterations, double MeanResidual, double WorstResidual, IReadOnlyList<int> RowsByStatus)
{
    /// <summary>Rows that ended with a status.</summary>
    public int Count(SolveStatus status) => RowsByStatus[(int)status];

    internal static SolveReport From(ReadOnlySpan<RowSolution> rows)
    {
        var byStatus = new int[Enum.GetValues<SolveStatus>().Length];
        long iterations = 0;
        double residuals = 0, worst = 0;
        var (most, solved) = (0, 0);
        foreach (var row in rows)
        {
            byStatus[(int)row.Status]++;
            iterations += row.Iterations;
            most = Math.Max(most, row.Iterations);
            if (row.Status != SolveStatus.InvalidInput)
            {
                solved++;
                residuals += row.Residual;
                worst = Math.Max(worst, row.Residual);
            }
        }
        return new SolveReport(rows.Length, (double)iterations / Math.Max(1, rows.Length), most, residuals / Math.Max(1, solved), worst, byStatus);
    }
}
