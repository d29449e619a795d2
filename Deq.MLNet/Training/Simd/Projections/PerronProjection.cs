using System.Numerics.Tensors;

namespace Deq.MLNet.Training.Simd.Projections;

/// <summary>Scales W down so that the Perron root of |W| is at most a limit.</summary>
/// <remarks>
/// The root is at most the maximum of (|W| s)_i / s_i, for every positive s (Collatz 1942; Wielandt 1950). s comes from the <see cref="PowerIteration"/>:
/// near the Perron vector, so that the bound is near the root; were it far off, the bound would be too large and W too small, but within its rule all the same.
/// </remarks>
internal sealed class PerronProjection(double limit) : SimdProjection
{
    private float[] _s = [], _product = [];
    private bool _kept;

    public override void BeginEpoch() => _kept = false;

    public override void Project(SimdParameter w)
    {
        var products = _kept ? PowerIteration.PerronProducts : PowerIteration.FirstPerronProducts;
        if (!_kept)
        {
            (_s, _product) = (PowerIteration.Start(w.Rows), new float[w.Rows]);
            TensorPrimitives.Abs(_s, _s);
            _kept = true;
        }
        var bound = 0.0;
        for (; products > 0; products--)
        {
            for (var i = 0; i < _s.Length; i++)
            {
                _product[i] = AbsoluteDot(Row(w.ValueSpan, i, _s.Length), _s);
            }
            if (products == 1)
            {
                bound = LargestRatio();
            }
            // The shift keeps the iteration from cycling.
            var shift = TensorPrimitives.Sum<float>(_product) / TensorPrimitives.Sum<float>(_s) * (float)PowerIteration.PerronShift;
            TensorPrimitives.MultiplyAdd(_s, shift, _product, _s);
            TensorPrimitives.Divide(_s, MathF.Max(TensorPrimitives.Max<float>(_s), 1e-30f), _s);
            TensorPrimitives.Max(_s, (float)PowerIteration.LeastShare, _s);
        }
        Bound = ScaleDown(w.ValueSpan, bound * (1 + BoundMargins.OfNorm), limit);
    }

    private float LargestRatio()
    {
        var largest = 0f;
        for (var i = 0; i < _s.Length; i++)
        {
            largest = MathF.Max(largest, _product[i] / _s[i]);
        }
        return largest;
    }
}
