using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Projections;

/// <summary>Scales W down so that ||W||_2 is at most a limit, without waiting for the device: in a step by an estimate, before anybody reads W by a bound.</summary>
/// <remarks>
/// The estimate is that of <see cref="PowerIteration"/>. The bound is from above, which power iteration cannot be: with S = W'W, ||W||_2^(2m) &lt;= ||S^m||_F &lt;= sqrt(d) ||W||_2^(2m),
/// the power by squarings. It is at most 0.75 percent too large up to d = 2000, so that W may stay that much below the limit.
/// </remarks>
internal sealed class SpectralProjection(double limit) : Projection
{
    private readonly KeptVector _vector = new();

    public override void BeginEpoch() => _vector.Reset();

    protected override Tensor? Project(Tensor w)
    {
        ScaleDown(w, Estimate(w).MultiplyInPlace(1 + PowerIteration.Slack), limit);
        return null;
    }

    public override void Enforce(Tensor w) => KeepBound(w, w => ScaleDown(w, UpperBound(w), limit));

    /// <summary>||W'u|| of a unit u near the left singular vector of the largest singular value.</summary>
    private Tensor Estimate(Tensor w)
    {
        var (v, fresh) = _vector.Take(w);
        var transposed = w.t();
        for (var i = fresh ? PowerIteration.FirstSpectralProducts : PowerIteration.SpectralProducts; ; i--)
        {
            var u = w.mv(v);
            var norm = u.norm();
            v = transposed.mv(u.div_(norm.RaiseInPlace(1e-30))).AddInPlace(v, PowerIteration.Kept);
            var estimate = v.norm();
            v.div_(estimate);
            if (i == 1)
            {
                _vector.Keep(v);
                // Where the squares of W v leave float32, it is the first of the two that tells.
                return estimate.maximum(norm);
            }
        }
    }

    private static Tensor UpperBound(Tensor w)
    {
        // Every power is divided by its norm, whose logarithm is carried along: no power leaves the range.
        var scale = w.norm().RaiseInPlace(1e-30);
        var unit = w / scale;
        var power = unit.t().mm(unit);
        var log = Normalize(power);
        for (var i = 0; i < PowerIteration.Squarings; i++)
        {
            power = power.mm(power);
            log = log.MultiplyInPlace(2).AddInPlace(Normalize(power));
        }
        return log.MultiplyInPlace(1.0 / (2L << PowerIteration.Squarings)).exp_().mul_(scale).MultiplyInPlace(1 + BoundMargins.OfNorm);
    }

    private static Tensor Normalize(Tensor matrix)
    {
        var norm = matrix.norm().RaiseInPlace(1e-30);
        matrix.div_(norm);
        return norm.log_();
    }

    public override void Dispose()
    {
        _vector.Dispose();
        base.Dispose();
    }
}
