using Deq.MLNet.Errors;
using Deq.MLNet.Networks;

namespace Deq.MLNet;

/// <summary>Turns a score into a probability, 1 / (1 + exp(-(slope * score + offset))). Source: Platt, "Probabilistic outputs for support vector machines", 1999.</summary>
/// <param name="Slope">What the score is multiplied by; finite.</param>
/// <param name="Offset">What is added; finite.</param>
/// <exception cref="ArgumentOutOfRangeException">A value is not finite.</exception>
public sealed record PlattCalibration(double Slope, double Offset)
{
    /// <summary>What the score is multiplied by.</summary>
    public double Slope { get; } = Check.Finite(Slope);

    /// <summary>What is added.</summary>
    public double Offset { get; } = Check.Finite(Offset);

    internal static PlattCalibration None { get; } = new(1, 0);

    internal Readout Readout => new(Link.Logistic, Slope, Offset);

    internal float Probability(float score) => (float)(1 / (1 + Math.Exp(-(Slope * score + Offset))));
}
