namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// How the rows of one solve fare, on the host. The stopping test, the precision limit, the NaN policy and the statuses exist here once; every row is judged by itself.
/// </summary>
/// <param name="rows">B.</param>
/// <param name="tolerance">The stopping test.</param>
/// <param name="roundingError">Of a row, for a norm of its f: the norm of the error that rounding alone makes in f.</param>
internal sealed class RowProgress(int rows, Tolerance tolerance, Func<int, double, double> roundingError)
{
    /// <summary>As in the managed solver: iterations without a smaller residual after which a row may be at the rounding error; after m times as many, at m times that error.</summary>
    private const int Patience = 8;

    private readonly SolveStatus?[] _status = new SolveStatus?[rows];
    private readonly double[] _least = [.. Enumerable.Repeat(double.PositiveInfinity, rows)];
    private readonly int[] _leastAt = new int[rows];
    private readonly int[] _iterations = new int[rows];
    /// <summary>Whether the best iterate of a row is that of the last test.</summary>
    private readonly bool[] _isLatest = new bool[rows];

    public Tolerance Tolerance => tolerance;

    /// <summary>The cap.</summary>
    public required int MaxIterations { get; init; }

    /// <summary>Rows that are not done.</summary>
    public int Active { get; private set; }

    /// <summary>||f(z) - z|| of every row at the last test.</summary>
    public double[] Distance { get; private set; } = [];

    /// <summary>The largest residual of a row that is not done, at the last test.</summary>
    public double WorstActive { get; private set; }

    /// <summary>Rows that were done at the last test with that iterate as their best.</summary>
    public List<long> Done { get; } = new(rows);

    /// <summary>Rows whose best iterate remains that of the test before the last one.</summary>
    public List<long> Passed { get; } = [];

    /// <summary>Rows given up at the last test whose value never was finite.</summary>
    public List<long> Lost { get; } = [];

    public bool IsActive(int row) => _status[row] is null;

    /// <summary>Judges the rows by ||f(z) - z|| and ||f(z)||.</summary>
    public void Test(int iteration, double[] distance, ReadOnlySpan<double> norm, bool last)
    {
        Distance = distance;
        Done.Clear();
        Passed.Clear();
        Lost.Clear();
        (Active, WorstActive) = (0, 0);
        for (var row = 0; row < rows; row++)
        {
            if (!IsActive(row))
            {
                continue;
            }
            _iterations[row] = iteration;
            var residual = tolerance.Scaled(distance[row], norm[row]);
            var finite = double.IsFinite(residual) && double.IsFinite(norm[row]);
            var better = finite && residual < _least[row];
            if (better)
            {
                (_least[row], _leastAt[row]) = (residual, iteration);
            }
            else if (_isLatest[row])
            {
                Passed.Add(row);
            }
            _isLatest[row] = better;
            _status[row] = finite ? Judge(row, residual, norm[row], iteration - _leastAt[row]) ?? (last ? SolveStatus.IterationLimit : null) : SolveStatus.Diverged;
            if (IsActive(row))
            {
                (Active, WorstActive) = (Active + 1, Math.Max(WorstActive, residual));
                continue;
            }
            if (better)
            {
                Done.Add(row);
            }
            else if (double.IsPositiveInfinity(_least[row]))
            {
                Lost.Add(row);
            }
        }
    }

    /// <summary>How every row was solved.</summary>
    public RowSolution[] Solutions() => [.. Enumerable.Range(0, rows).Select(row => new RowSolution(_status[row]!.Value, _iterations[row], _least[row]))];

    private SolveStatus? Judge(int row, double residual, double norm, int sinceLeast) =>
        residual <= tolerance.Relative ? SolveStatus.Converged
        : sinceLeast >= Patience && _least[row] <= tolerance.Scaled(roundingError(row, norm) * (sinceLeast / Patience), norm) ? SolveStatus.AtPrecisionLimit
        : null;
}
