using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Projections;

/// <summary>Scales W down so that ||W||_2 is at most a limit, without waiting for the device.</summary>
/// <remarks>
/// The norm is bounded from above, which power iteration cannot do: with S = W'W, ||W||_2^(2m) &lt;= ||S^m||_F &lt;= sqrt(d) ||W||_2^(2m), and S^64 takes six
/// squarings. The bound is at most a factor d^(1/256) too large (1.6 percent at d = 64), so that W may stay that much below the limit.
/// </remarks>
internal sealed class SpectralProjection(double limit) : Projection
{
    private const int Squarings = 6;

    /// <summary>Room for the rounding of float32, in the bound itself; checked against float64 singular values in the tests.</summary>
    private const double Margin = 1e-5;

    protected override Tensor Project(Tensor w) => ScaleDown(w, UpperBound(w), limit);

    private static Tensor UpperBound(Tensor w)
    {
        // Every power is divided by its norm, whose logarithm is carried along: no power leaves the range.
        var scale = w.norm().RaiseInPlace(1e-30);
        var unit = w / scale;
        var power = unit.t().mm(unit);
        var log = Normalize(power);
        for (var i = 0; i < Squarings; i++)
        {
            power = power.mm(power);
            log = log.MultiplyInPlace(2).AddInPlace(Normalize(power));
        }
        return log.MultiplyInPlace(1.0 / (2L << Squarings)).exp_().mul_(scale).MultiplyInPlace(1 + Margin);
    }

    private static Tensor Normalize(Tensor matrix)
    {
        var norm = matrix.norm().RaiseInPlace(1e-30);
        matrix.div_(norm);
        return norm.log_();
    }
}
