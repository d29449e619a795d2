using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Scales W down so that ||W||_2 is at most a limit, on the device and without waiting for it.</summary>
/// <remarks>
/// The norm is bounded from above, which power iteration cannot do: with S = W'W, ||W||_2^(2m) &lt;= ||S^m||_F &lt;= sqrt(d) ||W||_2^(2m), and S^64 takes six
/// squarings. The bound is at most a factor d^(1/256) too large (1.6 percent at d = 64), so that W may stay that much below the limit.
/// </remarks>
internal sealed class SpectralProjection(double limit) : IDisposable
{
    private const int Squarings = 6;

    /// <summary>Room for the rounding of float32, in the bound itself; checked against float64 singular values in the tests.</summary>
    private const double Margin = 1e-5;

    private Tensor? _bound;

    /// <summary>Projects W in place.</summary>
    public void Apply(Tensor w)
    {
        using var scope = NewDisposeScope();
        var bound = UpperBound(w);
        var factor = bound.reciprocal().MultiplyInPlace(limit).LowerInPlace(1);
        w.mul_(factor);
        _bound?.Dispose();
        _bound = bound.mul_(factor).DetachFromDisposeScope();
    }

    /// <summary>The bound after the last projection; waits for the device.</summary>
    public double ReadBound() => _bound is null ? double.NaN : _bound.to(ScalarType.Float64).item<double>();

    public void Dispose() => _bound?.Dispose();

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
