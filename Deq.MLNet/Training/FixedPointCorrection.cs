using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>
/// Asks iterates on the way to the equilibrium for the right output too: count of them, evenly spread over the solve, are each taken one step on, read out and given the loss times weight / count,
/// with the gradient of that one step. Iterates then come near the answer sooner. The loss in the history is that at the equilibrium.
/// Source: Bai, Geng, Savani, Kolter, "Deep equilibrium optical flow estimation", CVPR 2022.
/// </summary>
public sealed record FixedPointCorrection
{
    /// <summary>Makes the correction.</summary>
    /// <param name="count">Iterates a solve, at least 1; all there are where a solve has fewer. Default 2. Up to twice as many pairs of states (B x d) are kept during a solve.</param>
    /// <param name="weight">Of their mean loss beside that at the equilibrium, positive; default 0.5.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public FixedPointCorrection(int count = 2, float weight = 0.5f) => (Count, Weight) = (Check.AtLeast(count, 1), Check.Positive(weight));

    /// <summary>Iterates a solve; default 2.</summary>
    public int Count { get; }

    /// <summary>Of their mean loss; default 0.5.</summary>
    public float Weight { get; }
}
