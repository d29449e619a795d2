using System.Numerics.Tensors;

namespace Deq.MLNet.Training.Simd.Projections;

/// <summary>Scales W down so that ||W||_2 is at most a limit: in a step by the estimate of a <see cref="PowerIteration"/>, before anybody reads W by a bound.</summary>
/// <remarks>
/// The bound is from above, which power iteration cannot be: with S = W'W, ||W||_2^(2m) &lt;= ||S^m||_F &lt;= sqrt(d) ||W||_2^(2m), the power by squarings.
/// </remarks>
internal sealed class SpectralProjection(double limit) : SimdProjection
{
    private const float Tiny = 1e-30f;

    private float[] _v = [], _next = [];
    private bool _kept;
    private SymmetricPower? _power;

    public override void BeginEpoch() => _kept = false;

    public override void Project(SimdParameter w)
    {
        ScaleDown(w.ValueSpan, Estimate(w.ValueSpan, w.Rows) * (1 + PowerIteration.Slack), limit);
        Bound = double.NaN;
    }

    public override void Enforce(SimdParameter w)
    {
        _power ??= new SymmetricPower(w.Rows);
        Bound = ScaleDown(w.ValueSpan, _power.NormBound(w.ValueSpan, PowerIteration.Squarings) * (1 + BoundMargins.OfNorm), limit);
    }

    /// <summary>||W'u|| of a unit u near the left singular vector of the largest singular value. W is read once for a product with it and one with W'.</summary>
    private float Estimate(Span<float> w, int size)
    {
        var products = _kept ? PowerIteration.SpectralProducts : PowerIteration.FirstSpectralProducts;
        if (!_kept)
        {
            (_v, _next) = (PowerIteration.Start(size), new float[size]);
            _kept = true;
        }
        for (; ; products--)
        {
            double squares = 0;
            Array.Clear(_next);
            for (var i = 0; i < size; i++)
            {
                var row = Row(w, i, size);
                var u = TensorPrimitives.Dot(row, _v);
                squares += (double)u * u;
                TensorPrimitives.MultiplyAdd(row, u, _next, _next);
            }
            var norm = MathF.Max((float)Math.Sqrt(squares), Tiny);
            TensorPrimitives.Divide(_next, norm, _next);
            TensorPrimitives.MultiplyAdd(_v, (float)PowerIteration.Kept, _next, _next);
            var estimate = TensorPrimitives.Norm<float>(_next);
            TensorPrimitives.Divide(_next, estimate, _v);
            if (products == 1)
            {
                return MathF.Max(estimate, norm);
            }
        }
    }
}
