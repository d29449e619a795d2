using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Projections;

/// <summary>Scales W down so that the Perron root of |W| is at most a limit, without waiting for the device.</summary>
/// <remarks>
/// The root is at most the maximum of (|W| s)_i / s_i, for every positive s (Collatz 1942; Wielandt 1950). s comes from the <see cref="PowerIteration"/>:
/// near the Perron vector, so that the bound is near the root; were it far off, the bound would be too large and W too small, but within its rule all the same.
/// </remarks>
internal sealed class PerronProjection(double limit) : Projection
{
    private readonly KeptVector _vector = new();

    public override void BeginEpoch() => _vector.Reset();

    protected override Tensor Project(Tensor w)
    {
        var magnitudes = w.abs();
        var (s, fresh) = _vector.Take(w);
        s = s.abs();
        for (var i = fresh ? PowerIteration.FirstPerronProducts : PowerIteration.PerronProducts; ; i--)
        {
            var product = magnitudes.mv(s);
            var bound = i == 1 ? (product / s).max() : null;
            // The shift keeps the iteration from cycling.
            s.mul_(product.sum().div_(s.sum()).MultiplyInPlace(PowerIteration.PerronShift));
            s.AddInPlace(product);
            s = s.div_(s.max().RaiseInPlace(1e-30)).RaiseInPlace(PowerIteration.LeastShare);
            if (bound is not null)
            {
                _vector.Keep(s);
                return ScaleDown(w, bound.MultiplyInPlace(1 + BoundMargins.OfNorm), limit);
            }
        }
    }

    public override void Dispose()
    {
        _vector.Dispose();
        base.Dispose();
    }
}
