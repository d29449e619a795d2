using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// Rows on a device, where every look at a number waits for all that was given to it. While the largest residual falls from test to test, rows are iterated together, and that one number is read
/// and nothing written: in a training that goes well all rows are done within few iterations of each other. Once it does not fall, or at the last test, each row is judged by itself.
/// </summary>
/// <param name="map">The map.</param>
/// <param name="z">The result's states, B x d: those that met the test, or the best that were tested.</param>
/// <param name="f">The map of them.</param>
/// <param name="tolerance">The stopping test.</param>
/// <param name="maxIterations">The cap.</param>
/// <param name="together">Whether rows are iterated together at first.</param>
internal sealed class DeviceProgress(TensorMap map, Tensor z, Tensor f, Tolerance tolerance, int maxIterations, bool together) : RowProgress(tolerance, maxIterations)
{
    /// <summary>Made when rows part: its tensors would be most of the operations of a quick solve.</summary>
    private DeviceRules? _rules;
    private bool _together = together;
    private int _keptAt;
    private BatchSolution _solution;

    public override bool MetTogether => _together;

    public override BatchSolution Solution => _solution;

    public override bool Test(int iteration, Tensor present, Tensor value, bool last)
    {
        if (_together && TestTogether(iteration, present, value, last) is { } done)
        {
            return done;
        }
        // In the scope of the solve.
        _rules ??= new DeviceRules(z, Tolerance);
        using var scope = NewDisposeScope();
        if (Kept is { } kept)
        {
            Judge(_rules, _keptAt, kept.Z, kept.F);
        }
        (_together, Kept) = (false, null);
        Judge(_rules, iteration, present, value);
        var figures = _rules.ReadFigures();
        if (figures.Impatient > 0)
        {
            _rules.WeighImpatient(iteration, map.RoundingErrors(z));
            figures = _rules.ReadFigures();
        }
        WorstActive = figures.WorstActive;
        if (figures.Active > 0 && !last)
        {
            return false;
        }
        _solution = new BatchSolution(figures.Iterations, figures.WorstLeast, figures.SumOfIterations / z.shape[0], figures.Unsolved + figures.Active);
        return true;
    }

    /// <summary>Whether all rows are done, by the largest residual; null where each has to be judged by itself.</summary>
    private bool? TestTogether(int iteration, Tensor present, Tensor value, bool last)
    {
        using var scope = NewDisposeScope();
        var worst = RowResiduals.Of(present, value, Tolerance).ReadWorst();
        if (worst <= Tolerance.Relative)
        {
            z.copy_(present);
            f.copy_(value);
            _solution = new BatchSolution(iteration, worst, iteration);
            return true;
        }
        if (worst < WorstActive && !last)
        {
            (WorstActive, Kept, _keptAt) = (worst, (present, value), iteration);
            return false;
        }
        return null;
    }

    public override double[] ReadDistances() => _rules!.ReadDistances();

    public override RowSolution[] ReadRows()
    {
        using var scope = NewDisposeScope();
        return _together
            ? [.. DeviceReads.Doubles(RowResiduals.Of(z, f, Tolerance).Scaled).Select(residual => new RowSolution(SolveStatus.Converged, _solution.Iterations, residual))]
            : _rules!.ReadRows();
    }

    /// <summary>Judges every row, and keeps its best iterate.</summary>
    private void Judge(DeviceRules rules, int iteration, Tensor present, Tensor value)
    {
        var (distance, norm, _) = RowResiduals.Of(present, value, Tolerance);
        var (better, lost) = rules.Judge(iteration, distance.to(ScalarType.Float64), norm.to(ScalarType.Float64));
        better.unsqueeze_(1);
        lost.unsqueeze_(1);
        z.copy_(where(better, present, z));
        f.copy_(where(better, value, f));
        // The start may have been finite, the injection is not: the state shall tell.
        z.copy_(where(lost, value, z));
        f.copy_(where(lost, value, f));
    }
}
