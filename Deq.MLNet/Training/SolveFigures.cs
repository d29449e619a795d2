namespace Deq.MLNet.Training;

/// <summary>How a batch's fixed points were found.</summary>
/// <param name="Iterations">Steps until the last row was done.</param>
/// <param name="WorstResidual">The largest residual of a row at the state returned, scaled as <see cref="RowSolution.Residual"/>; infinite for a row that never was finite.</param>
/// <param name="MeanIterations">Steps until a row was done, mean over rows.</param>
/// <param name="Unsolved">Rows that met neither the tolerance nor the limit of precision.</param>
/// <param name="RowIterations">Steps of rows that were computed, together; 0 where they are not counted.</param>
internal readonly record struct BatchSolution(int Iterations, double WorstResidual, double MeanIterations = 0, int Unsolved = 0, long RowIterations = 0)
{
    public static BatchSolution Of(ReadOnlySpan<RowSolution> rows)
    {
        var (most, worst, sum, unsolved) = (0, 0.0, 0L, 0);
        foreach (var row in rows)
        {
            (most, worst, sum) = (Math.Max(most, row.Iterations), Math.Max(worst, row.Residual), sum + row.Iterations);
            unsolved += row.Status.IsSolved() ? 0 : 1;
        }
        return new BatchSolution(most, worst, (double)sum / rows.Length, unsolved);
    }
}

/// <summary>What the solves since the last read took.</summary>
internal readonly record struct SolveFigures(double MeanIterations, int WorstIterations, double WorstResidual, double WorstGradientResidual, int UnsolvedRows, int UnsolvedGradientRows, double ContractionBound)
{
    /// <summary>As <see cref="EngineMetrics.MeanGradientIterations"/>.</summary>
    public double MeanGradientIterations { get; init; }

    /// <summary>As <see cref="EngineMetrics.RowIterations"/>.</summary>
    public long RowIterations { get; init; }

    public static SolveFigures None { get; } = new(0, 0, 0, 0, 0, 0, double.NaN);
}

/// <summary>Adds up what solves took.</summary>
internal sealed class SolveCounts
{
    private long _batches, _iterations, _gradientIterations, _rowIterations;
    private int _worstIterations, _unsolved, _unsolvedGradients;
    private double _worstResidual, _worstGradientResidual;

    public void Forward(in BatchSolution solution)
    {
        _batches++;
        _iterations += solution.Iterations;
        _rowIterations += solution.RowIterations;
        _worstIterations = Math.Max(_worstIterations, solution.Iterations);
        _worstResidual = Math.Max(_worstResidual, solution.WorstResidual);
        _unsolved += solution.Unsolved;
    }

    public void Backward(in BatchSolution solution)
    {
        _gradientIterations += solution.Iterations;
        _rowIterations += solution.RowIterations;
        _worstGradientResidual = Math.Max(_worstGradientResidual, solution.WorstResidual);
        _unsolvedGradients += solution.Unsolved;
    }

    /// <summary>The figures since the last read, and starts anew.</summary>
    public SolveFigures Read(double contractionBound)
    {
        var batches = Math.Max(1, _batches);
        var figures = new SolveFigures((double)_iterations / batches, _worstIterations, _worstResidual, _worstGradientResidual, _unsolved, _unsolvedGradients, contractionBound)
        {
            MeanGradientIterations = (double)_gradientIterations / batches,
            RowIterations = _rowIterations,
        };
        (_batches, _iterations, _gradientIterations, _rowIterations, _worstIterations, _worstResidual, _worstGradientResidual, _unsolved, _unsolvedGradients) = (0, 0, 0, 0, 0, 0, 0, 0, 0);
        return figures;
    }
}
