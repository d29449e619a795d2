using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>Plain iteration, which gives way to Anderson for the rest of the solve once its measured rate says that the mixing pays for itself.</summary>
internal sealed class AutoStep(Tensor start) : TensorStep
{
    private TensorStep _step = new PicardStep(new Picard());
    private (int Iteration, double Residual)? _last;

    public override void Tested(int iteration, RowProgress rows)
    {
        if (_step is PicardStep && _last is { } last)
        {
            var rate = Math.Log(rows.WorstActive / last.Residual) / (iteration - last.Iteration);
            var remaining = rate < 0 ? Math.Log(rows.Tolerance.Relative / rows.WorstActive) / rate : double.PositiveInfinity;
            if (AndersonPays(remaining, start.shape[1]))
            {
                _step = new AndersonStep(new Anderson(), start);
            }
        }
        _last = (iteration, rows.WorstActive);
    }

    public override Tensor Advance(Tensor z, Tensor f, Tensor next) => _step.Advance(z, f, next);

    /// <summary>
    /// An Anderson step costs 1 + 300 / (d + 16) plain ones (measured on one core: 9 at d = 32 with 32 rows, 5 at 64 with 256, 1.6 at 512), and where plain iteration takes n steps,
    /// mixing takes about 6 + 2 sqrt(n), as Krylov methods do.
    /// </summary>
    private static bool AndersonPays(double remaining, long size) => remaining > (1 + 300.0 / (size + 16)) * (6 + 2 * Math.Sqrt(remaining)) || double.IsPositiveInfinity(remaining);
}
