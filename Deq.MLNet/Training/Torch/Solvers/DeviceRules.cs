using Deq.MLNet.Equilibrium;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>The <see cref="StoppingRule"/> of every row, as tensors of B numbers in float64: the same comparisons of the same numbers.</summary>
internal sealed class DeviceRules
{
    private readonly Tolerance _tolerance;
    /// <summary>Rows that are not done; of those that are, the ones that did not converge.</summary>
    private readonly Tensor _active, _diverged, _atLimit;
    private readonly Tensor _distance, _residual, _least, _normOfBest, _largest, _bestAt, _weighedAt, _iterations;
    /// <summary>Active rows whose patience ran out at the last test.</summary>
    private readonly Tensor _impatient;

    /// <summary>Rules that have seen nothing.</summary>
    /// <param name="like">Of B rows, on the device.</param>
    /// <param name="tolerance">The stopping test.</param>
    public DeviceRules(Tensor like, Tolerance tolerance)
    {
        _tolerance = tolerance;
        Tensor New(ScalarType type = ScalarType.Float64) => zeros(like.shape[0], type, like.device);
        (_distance, _residual, _normOfBest, _largest, _bestAt, _weighedAt, _iterations) = (New(), New(), New(), New(), New(), New(), New());
        (_diverged, _atLimit, _impatient) = (New(ScalarType.Bool), New(ScalarType.Bool), New(ScalarType.Bool));
        _active = _diverged.logical_not();
        _least = New().AddInPlace(double.PositiveInfinity);
    }

    /// <summary>What the host is told at a test.</summary>
    /// <param name="Active">Rows that are not done.</param>
    /// <param name="Impatient">Of these, the ones whose patience ran out.</param>
    /// <param name="Unsolved">Rows that diverged.</param>
    /// <param name="SumOfIterations">Over all rows.</param>
    /// <param name="WorstActive">The largest residual of a row that is not done.</param>
    /// <param name="WorstLeast">The largest of the rows' least residuals.</param>
    /// <param name="Iterations">Of the row that took most.</param>
    public readonly record struct Figures(int Active, int Impatient, int Unsolved, double SumOfIterations, double WorstActive, double WorstLeast, int Iterations);

    /// <summary>As <see cref="StoppingRule.Test"/>.</summary>
    /// <returns>Rows whose iterate is their best, and those given up that never were finite; in the caller's dispose scope.</returns>
    public (Tensor Better, Tensor Lost) Judge(int iteration, Tensor distance, Tensor norm)
    {
        var residual = RowResiduals.Scale(distance, norm, _tolerance);
        var finite = residual.isfinite().logical_and(norm.isfinite());
        var better = residual.lt(_least).logical_and(finite).logical_and(_active);
        var worse = _active.logical_and(finite).logical_and(better.logical_not());
        var lost = _active.logical_and(finite.logical_not());
        _distance.copy_(distance);
        _residual.copy_(residual);
        _iterations.SetInPlace(_active, iteration);
        Set(_least, better, residual);
        Set(_normOfBest, better, norm);
        Set(_largest, worse, _largest.maximum(residual));
        _largest.SetInPlace(better, 0);
        _bestAt.SetInPlace(better, iteration);
        _weighedAt.SetInPlace(better, iteration);
        _diverged.copy_(_diverged.logical_or(lost));
        _active.copy_(_active.logical_and(finite).logical_and(residual.IsAbove(_tolerance.Relative)));
        _impatient.copy_(_active.logical_and(Since(_weighedAt, iteration).IsAtLeast(StoppingRule.Patience)));
        return (better, lost.logical_and(_least.isinf()));
    }

    /// <summary>Ends the impatient rows that are at the limit of precision, as <see cref="StoppingRule.IsAtPrecisionLimit(double)"/>; the others may be patient again.</summary>
    /// <param name="iteration">Of the last test.</param>
    /// <param name="roundingErrors">At the best iterates.</param>
    public void WeighImpatient(int iteration, Tensor roundingErrors)
    {
        var times = Since(_bestAt, iteration).MultiplyInPlace(1.0 / StoppingRule.Patience).floor_();
        var limit = RowResiduals.Scale(roundingErrors * times, _normOfBest, _tolerance);
        var ends = _impatient.logical_and(_largest.le(limit));
        _atLimit.copy_(_atLimit.logical_or(ends));
        _active.copy_(_active.logical_and(ends.logical_not()));
        _weighedAt.SetInPlace(_impatient, iteration);
        _largest.SetInPlace(_impatient, 0);
        _impatient.zero_();
    }

    public Figures ReadFigures()
    {
        var sums = stack([Number(_active), Number(_impatient), Number(_diverged), _iterations]).sum([1L]);
        var largest = stack([_residual.clone().SetInPlace(_active.logical_not(), 0), _least, _iterations]).amax([1L]);
        var read = DeviceReads.Doubles(cat([sums, largest]));
        return new Figures((int)read[0], (int)read[1], (int)read[2], read[3], read[4], read[5], (int)read[6]);
    }

    /// <summary>||f - z|| of every row at the last test; NaN for one that is done.</summary>
    public double[] ReadDistances()
    {
        using var scope = NewDisposeScope();
        return DeviceReads.Doubles(_distance.clone().SetInPlace(_active.logical_not(), double.NaN));
    }

    public RowSolution[] ReadRows()
    {
        var rows = (int)_least.shape[0];
        var read = DeviceReads.Doubles(stack([Number(_active), Number(_diverged), Number(_atLimit), _iterations, _least])).Chunk(rows).ToArray();
        return [.. Enumerable.Range(0, rows).Select(row => new RowSolution(Status(read, row), (int)read[3][row], read[4][row]))];
    }

    private static SolveStatus Status(double[][] read, int row) => 1 switch
    {
        _ when read[0][row] != 0 => SolveStatus.IterationLimit,
        _ when read[1][row] != 0 => SolveStatus.Diverged,
        _ when read[2][row] != 0 => SolveStatus.AtPrecisionLimit,
        _ => SolveStatus.Converged,
    };

    private static Tensor Number(Tensor mask) => mask.to(ScalarType.Float64);

    private static Tensor Since(Tensor then, int iteration) => then.neg().AddInPlace(iteration);

    private static void Set(Tensor state, Tensor mask, Tensor values) => state.copy_(where(mask, values, state));
}
