using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>
/// Adds the size of the cell's Jacobian J at the equilibrium to what training makes small: weight times the mean over rows of ||J' e||^2 / d with a Gaussian e drawn anew for every row and step,
/// whose expectation is weight ||J||_F^2 / d. States then depend less on one another, and fewer iterations find them. Losses in the history stay without it.
/// Source: Bai, Koltun, Kolter, "Stabilizing equilibrium models by Jacobian regularization", ICML 2021; the estimate is Hutchinson's, 1990.
/// </summary>
public sealed record JacobianPenalty
{
    /// <summary>Makes the penalty.</summary>
    /// <param name="weight">Positive; 0.1 to 1 is usual.</param>
    /// <param name="every">Every which step of an epoch has it, at least 1, from the first on; default 1. More is cheaper, and weaker.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public JacobianPenalty(float weight, int every = 1) => (Weight, Every) = (Check.Positive(weight), Check.AtLeast(every, 1));

    /// <summary>The factor of the penalty.</summary>
    public float Weight { get; }

    /// <summary>Every which step of an epoch has it; default 1.</summary>
    public int Every { get; }
}
