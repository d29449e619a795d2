using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Projections;

/// <summary>Scales W down so that the Perron root of |W| is at most a limit, without waiting for the device.</summary>
/// <remarks>
/// The root is at most the maximum of (|W| s)_i / s_i, for every positive s (Collatz 1942; Wielandt 1950). s is the row sums of (|W| + shift I)^64, six squarings:
/// near the Perron vector, so that the bound is near the root; were it far off, the bound would be too large and W too small, but within its rule all the same.
/// Nothing is kept from step to step: a training that resumes goes on to the same weights.
/// </remarks>
internal sealed class PerronProjection(double limit) : Projection
{
    private const int Squarings = 6;

    /// <summary>Room for the rounding of float32 sums of positive terms.</summary>
    private const double Margin = 1e-5;

    private const double LeastShare = 1e-9;

    protected override Tensor Project(Tensor w)
    {
        var magnitudes = w.abs();
        var s = Vector(magnitudes);
        return ScaleDown(w, magnitudes.mm(s).div_(s).max().MultiplyInPlace(1 + Margin), limit);
    }

    /// <summary>d x 1, from a tiny share of 1 to 1.</summary>
    private static Tensor Vector(Tensor magnitudes)
    {
        // Divided by its largest row sum, |W| has a root of at most 1, and the shift keeps the powers from cycling.
        var power = magnitudes / magnitudes.sum(1).max().RaiseInPlace(1e-30);
        power.diagonal().AddInPlace(1);
        for (var i = 0; i < Squarings; i++)
        {
            power = power.mm(power);
            power.div_(power.max());
        }
        var s = power.sum(1).unsqueeze(1);
        return s.div_(s.max()).RaiseInPlace(LeastShare);
    }
}
