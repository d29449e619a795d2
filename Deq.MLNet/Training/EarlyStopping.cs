using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>Stops training when the validation loss no longer falls, and restores the weights of the best epoch.</summary>
public sealed record EarlyStopping
{
    /// <summary>Makes the rule.</summary>
    /// <param name="patience">Epochs without a better validation loss before training stops, at least 1; default 10.</param>
    /// <param name="minDelta">A loss counts as better when it is lower by more than this share of the best, in [0, 1); default 0.</param>
    /// <param name="restoreBest">Whether the model gets the weights of the best epoch; default true. Those of the last one otherwise, unless training diverged.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public EarlyStopping(int patience = 10, float minDelta = 0, bool restoreBest = true) =>
        (Patience, MinDelta, RestoreBest) = (Check.AtLeast(patience, 1), Check.Within(minDelta, 0f, 1f), restoreBest);

    /// <summary>Epochs without a better validation loss before training stops.</summary>
    public int Patience { get; }

    /// <summary>The share of the best loss by which a better one must be lower.</summary>
    public float MinDelta { get; }

    /// <summary>Whether the model gets the weights of the best epoch, not of the last.</summary>
    public bool RestoreBest { get; }

    /// <summary>Whether a loss is lower than the best so far by more than a share of it; true where there is none. A loss may be negative.</summary>
    internal static bool IsBetter(double loss, double? best, double minDelta) => best is not { } least || loss < least - minDelta * Math.Abs(least);
}
