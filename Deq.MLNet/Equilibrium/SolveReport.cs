using System.Text.Json.Serialization;

namespace Deq.MLNet;

/// <summary>How the equilibria of many rows were found, each row solved by itself as in scoring.</summary>
/// <param name="Rows">The rows solved.</param>
/// <param name="MeanIterations">Evaluations of f per row, mean.</param>
/// <param name="WorstIterations">Evaluations of f, of the row that took most.</param>
/// <param name="MeanResidual">The mean of <see cref="RowSolution.Residual"/> over the rows that have one: neither those that diverged nor those of invalid input.</param>
/// <param name="WorstResidual">The largest <see cref="RowSolution.Residual"/> of those rows.</param>
/// <param name="RowsByStatus">The number of rows that ended with each status, indexed by <see cref="SolveStatus"/>.</param>
/// <param name="EstimatedContraction">
/// The rate of plain iteration near the equilibrium: the growth of J^k v, J the Jacobian of f there, which is right for complex eigenvalues too. It is the largest of up to 64 rows, evenly
/// spread among those solved; NaN where there are none. It is measured, not proved: <see cref="DeqNetwork.Certificate"/> bounds every row. Above 1, as it may be for a monotone cell,
/// plain iteration does not find the equilibrium, and other methods may.
/// </param>
public sealed record SolveReport(int Rows, double MeanIterations, int WorstIterations, double MeanResidual, double WorstResidual, IReadOnlyList<int> RowsByStatus, double EstimatedContraction)
{
    /// <summary>Per row the residual of every evaluation of f, exactly as many as there were; null where they were not asked for, as in a model's own report.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<IReadOnlyList<double>>? Traces { get; init; }

    /// <summary>Rows whose equilibrium was not found though their features are finite.</summary>
    internal int Unsolved => Count(SolveStatus.IterationLimit) + Count(SolveStatus.Diverged);

    /// <summary>Rows that ended with a status.</summary>
    public int Count(SolveStatus status) => RowsByStatus[(int)status];

    /// <summary>One line of figures, and one for every status that asks for something, with what to do next.</summary>
    public override string ToString()
    {
        var figures = FormattableString.Invariant($"{Rows} rows: {MeanIterations:G3} iterations (worst {WorstIterations}), residual {MeanResidual:G3} (worst {WorstResidual:G3}), estimated contraction factor {EstimatedContraction:G3}.");
        var others = Enum.GetValues<SolveStatus>().Where(status => status != SolveStatus.Converged && Count(status) > 0);
        return string.Join(Environment.NewLine, [figures, .. others.Select(status => $"{Count(status)} {status}: {status.Advice()}")]);
    }

    internal static SolveReport From(ReadOnlySpan<RowSolution> rows, double estimatedContraction)
    {
        var byStatus = new int[Enum.GetValues<SolveStatus>().Length];
        long iterations = 0;
        double residuals = 0, worst = 0;
        var (most, counted) = (0, 0);
        foreach (var row in rows)
        {
            byStatus[(int)row.Status]++;
            iterations += row.Iterations;
            most = Math.Max(most, row.Iterations);
            if (row.Status is not (SolveStatus.InvalidInput or SolveStatus.Diverged))
            {
                counted++;
                residuals += row.Residual;
                worst = Math.Max(worst, row.Residual);
            }
        }
        return new SolveReport(rows.Length, (double)iterations / Math.Max(1, rows.Length), most, residuals / Math.Max(1, counted), worst, byStatus, estimatedContraction);
    }
}
