using Deq.MLNet.Equilibrium;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>How the rows of one solve fare, on the host; every row is judged by itself.</summary>
internal sealed class RowProgress
{
    private readonly SolveStatus?[] _status;
    private readonly StoppingRule[] _rules;
    private readonly Func<double[]> _roundingErrors;

    /// <param name="rules">B, of any content: memory that is used again from solve to solve.</param>
    /// <param name="tolerance">The stopping test.</param>
    /// <param name="roundingErrors">Of every row's f at its best iterate, the norm of the error that rounding alone makes; asked for at most once a test.</param>
    public RowProgress(StoppingRule[] rules, Tolerance tolerance, Func<double[]> roundingErrors)
    {
        (_rules, Tolerance, _roundingErrors) = (rules, tolerance, roundingErrors);
        _status = new SolveStatus?[rules.Length];
        Array.Fill(rules, new StoppingRule(tolerance));
    }

    public Tolerance Tolerance { get; }

    /// <summary>The cap.</summary>
    public required int MaxIterations { get; init; }

    /// <summary>Rows that are not done.</summary>
    public int Active { get; private set; }

    /// <summary>||f(z) - z|| of every row at the last test.</summary>
    public double[] Distance { get; private set; } = [];

    /// <summary>The largest residual of a row that is not done, at the last test.</summary>
    public double WorstActive { get; private set; }

    /// <summary>Rows that were done at the last test with that iterate as their best.</summary>
    public List<long> Done { get; } = [];

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
        double[]? errors = null;
        for (var row = 0; row < _rules.Length; row++)
        {
            if (!IsActive(row))
            {
                continue;
            }
            ref var rule = ref _rules[row];
            var wasBest = rule.IsBest;
            _status[row] = rule.Test(iteration, distance[row], norm[row]);
            if (wasBest && !rule.IsBest)
            {
                Passed.Add(row);
            }
            if (IsActive(row) && rule.IsOutOfPatience && rule.IsAtPrecisionLimit((errors ??= _roundingErrors())[row]))
            {
                _status[row] = SolveStatus.AtPrecisionLimit;
            }
            if (last)
            {
                _status[row] ??= SolveStatus.IterationLimit;
            }
            if (IsActive(row))
            {
                (Active, WorstActive) = (Active + 1, Math.Max(WorstActive, Tolerance.Scaled(distance[row], norm[row])));
            }
            else if (rule.IsBest)
            {
                Done.Add(row);
            }
            else if (double.IsPositiveInfinity(rule.Least))
            {
                Lost.Add(row);
            }
        }
    }

    /// <summary>How every row was solved.</summary>
    public RowSolution[] Solutions() => [.. _rules.Select((rule, row) => new RowSolution(_status[row]!.Value, rule.Iterations, rule.Least))];
}
