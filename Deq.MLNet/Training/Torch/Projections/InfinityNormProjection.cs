using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Projections;

/// <summary>The nearest W whose rows have sums of magnitudes of at most a limit, without waiting for the device.</summary>
/// <remarks>
/// Row by row the projection onto the l1 ball (Duchi, Shalev-Shwartz, Singer, Chandra, ICML 2008): magnitudes are lowered by the threshold that leaves the limit,
/// which is the largest of (the sum of the k greatest - limit) / k over k. What rounding leaves above the limit is scaled away.
/// </remarks>
internal sealed class InfinityNormProjection(double limit) : Projection
{
    protected override Tensor Project(Tensor w)
    {
        var target = limit / (1 + BoundMargins.OfNorm);
        var counts = ones_like(w).cumsum(1);
        var sorted = w.abs().sort(dim: 1, descending: true).Values;
        var threshold = sorted.cumsum(1).AddInPlace(-target).div_(counts).amax([1L], keepdim: true).RaiseInPlace(0);
        w.sub_(w.clamp(threshold.neg(), threshold));
        return ScaleDown(w, w.abs().sum(1, keepdim: true).MultiplyInPlace(1 + BoundMargins.OfNorm), limit).max();
    }
}
