using Deq.MLNet.Equilibrium;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>Rows that stand in the host's memory: each is read, judged by itself and kept in place.</summary>
internal sealed class HostProgress : RowProgress
{
    private readonly SolveStatus?[] _status;
    private readonly StoppingRule[] _rules;
    private readonly Func<double[]> _roundingErrors;
    private readonly Tensor _z, _f;
    private double[] _distance = [];
    private int _active;

    /// <param name="rules">B, of any content: memory that is used again from solve to solve.</param>
    /// <param name="z">The result's states, B x d.</param>
    /// <param name="f">The map of them.</param>
    /// <param name="tolerance">The stopping test.</param>
    /// <param name="maxIterations">The cap.</param>
    /// <param name="roundingErrors">Of every row's f at its best iterate, the norm of the error that rounding alone makes; asked for at most once a test.</param>
    public HostProgress(StoppingRule[] rules, Tensor z, Tensor f, Tolerance tolerance, int maxIterations, Func<double[]> roundingErrors) : base(tolerance, maxIterations)
    {
        (_rules, _z, _f, _roundingErrors) = (rules, z, f, roundingErrors);
        _status = new SolveStatus?[rules.Length];
        Array.Fill(rules, new StoppingRule(tolerance));
    }

    /// <summary>Rows that were done at the last test with that iterate as their best.</summary>
    private List<long> Done { get; } = [];

    /// <summary>Rows whose best iterate remains that of the test before the last one.</summary>
    private List<long> Passed { get; } = [];

    /// <summary>Rows given up at the last test whose value never was finite.</summary>
    private List<long> Lost { get; } = [];

    public override BatchSolution Solution => BatchSolution.Of(ReadRows());

    public override bool Test(int iteration, Tensor z, Tensor f, bool last)
    {
        var (distance, norm) = TensorRows.Measure(z, f);
        Judge(iteration, distance, norm, last);
        if (Kept is { } kept)
        {
            Keep(Passed, kept.Z, kept.F);
        }
        Keep(Done, z, f);
        // The start may have been finite, the injection is not: the state shall tell.
        Keep(Lost, f, f);
        Kept = (z, f);
        return _active == 0;
    }

    /// <summary>Judges the rows by ||f(z) - z|| and ||f(z)||.</summary>
    public void Judge(int iteration, double[] distance, ReadOnlySpan<double> norm, bool last)
    {
        _distance = distance;
        Done.Clear();
        Passed.Clear();
        Lost.Clear();
        (_active, WorstActive) = (0, 0);
        double[]? errors = null;
        for (var row = 0; row < _rules.Length; row++)
        {
            if (_status[row] is not null)
            {
                continue;
            }
            ref var rule = ref _rules[row];
            var wasBest = rule.IsBest;
            var status = rule.Test(iteration, distance[row], norm[row]);
            if (wasBest && !rule.IsBest)
            {
                Passed.Add(row);
            }
            if (status is null && rule.IsOutOfPatience && rule.IsAtPrecisionLimit((errors ??= _roundingErrors())[row]))
            {
                status = SolveStatus.AtPrecisionLimit;
            }
            _status[row] = status ??= last ? SolveStatus.IterationLimit : null;
            if (status is null)
            {
                (_active, WorstActive) = (_active + 1, Math.Max(WorstActive, rule.Residual));
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

    public override double[] ReadDistances() => [.. _distance.Select((distance, row) => _status[row] is null ? distance : double.NaN)];

    public override RowSolution[] ReadRows() => [.. _rules.Select((rule, row) => new RowSolution(_status[row]!.Value, rule.Iterations, rule.Least))];

    /// <summary>Writes some rows of an iterate and its value to the result.</summary>
    private void Keep(List<long> rows, Tensor z, Tensor f)
    {
        TensorRows.Copy(rows, z, _z);
        TensorRows.Copy(rows, f, _f);
    }
}
