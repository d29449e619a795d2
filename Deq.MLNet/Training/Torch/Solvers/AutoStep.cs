using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>Plain iteration, which gives way to Anderson once its measured rate says that the mixing may pay for itself, or that it would end at the cap; and comes back where it then does not, until its own rate is half of what it was.</summary>
internal sealed class AutoStep(Tensor start) : TensorStep
{
    /// <summary>Iterations by which the plain ones and the mixed ones are judged: a single residual may rise where the whole falls.</summary>
    private const int PlainTrial = 6, MixedTrial = 15;

    /// <summary>What an Anderson step costs in plain ones; measured on one core: 9 at d = 32 with 32 rows, 5 at 64 with 256, 1.6 at 512.</summary>
    private readonly double _cost = 1 + 300.0 / (start.shape[1] + 16);

    private TensorStep _step = new PicardStep(new Picard());
    private (int Iteration, double Residual)? _last;
    private double _plainRate;
    private bool _wasRejected, _changed;

    public override bool WritesNext => _step.WritesNext;

    public override bool WentByTests => _changed;

    public override void Tested(int iteration, RowProgress rows)
    {
        if (_last is not { } last)
        {
            _last = (iteration, rows.WorstActive);
            return;
        }
        if (iteration - last.Iteration < (_step is PicardStep ? PlainTrial : MixedTrial))
        {
            return;
        }
        _last = (iteration, rows.WorstActive);
        // The logarithm of the residual, by iteration: below zero where it falls.
        var rate = Math.Log(rows.WorstActive / last.Residual) / (iteration - last.Iteration);
        if (_step is PicardStep)
        {
            var remaining = rate < 0 ? Math.Log(rows.Tolerance.Relative / rows.WorstActive) / rate : double.PositiveInfinity;
            if (remaining > rows.MaxIterations - iteration || AndersonMayPay(remaining) && !(_wasRejected && rate < _plainRate / 2))
            {
                _changed = true;
                (_step, _plainRate) = (new AndersonStep(new Anderson(), start), rate);
            }
        }
        else
        {
            var plain = Math.Log(rows.Tolerance.Relative / rows.WorstActive) / _plainRate;
            _wasRejected = _plainRate < 0 && rate > _cost * _plainRate && plain <= rows.MaxIterations - iteration;
            if (_wasRejected)
            {
                _step = new PicardStep(new Picard());
            }
        }
    }

    public override Tensor Advance(Tensor z, Tensor f, Tensor next) => _step.Advance(z, f, next);

    /// <summary>Where plain iteration takes n steps, mixing may take as few as 6 + sqrt(n), as Krylov methods do.</summary>
    private bool AndersonMayPay(double remaining) => double.IsPositiveInfinity(remaining) || remaining > _cost * (6 + Math.Sqrt(remaining));
}
