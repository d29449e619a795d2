using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Projections;

/// <summary>The nearest W whose rows have sums of magnitudes of at most a limit, without waiting for the device.</summary>
/// <remarks>
/// Row by row the projection onto the l1 ball (Duchi, Shalev-Shwartz, Singer, Chandra, ICML 2008): magnitudes are lowered by the threshold that leaves the limit,
/// which is the largest of (the sum of the k greatest - limit) / k over k. What rounding leaves above the limit is scaled away.
/// </remarks>
internal sealed class InfinityNormProjection(double limit) : Projection
{
    /// <summary>Room for the rounding of float32 sums of positive terms.</summary>
    private const double Margin = 1e-5;

    protected override Tensor Project(Tensor w)
    {
        var target = limit / (1 + Margin);
        var counts = ones_like(w).cumsum(1);
        var sorted = w.abs().sort(dim: 1, descending: true).Values;
        var threshold = sorted.cumsum(1).AddInPlace(-target).div_(counts).amax([1L], keepdim: true).RaiseInPlace(0);
        w.sub_(w.clamp(threshold.neg(), threshold));
        return ScaleDown(w, w.abs().sum(1, keepdim: true).MultiplyInPlace(1 + Margin), limit).max();
    }
}
