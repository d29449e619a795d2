using Deq.MLNet.Networks;

namespace Deq.MLNet.Training.Initial;

/// <summary>The Gaussian W that a training starts with, of the form that its rule has.</summary>
internal static class InitialMatrix
{
    /// <summary>W starts with about this share of what its rule allows in training (of 1 without a bound): few iterations at first, room to grow.</summary>
    private const double Share = 0.5;

    /// <summary>The mean magnitude of a standard normal deviate, sqrt(2 / pi).</summary>
    private const double MeanMagnitude = 0.7978845608;

    /// <summary>The norm that W starts with.</summary>
    /// <param name="architecture">Of the training.</param>
    /// <param name="scale">The share of what the rule allows; null for the default.</param>
    public static double NormOf(DeqArchitecture architecture, float? scale) => (scale ?? Share) * (architecture.TrainingBound ?? 1 - (double)architecture.Dropout);

    /// <summary>W for a rule, d x d.</summary>
    public static float[] For(DeqArchitecture architecture, float? share, Random random)
    {
        var d = architecture.StateSize;
        var scale = NormOf(architecture, share);
        // A square Gaussian matrix of deviation s has a 2-norm of about 2 s sqrt(d); the rows of its magnitudes sum to about s d sqrt(2 / pi), which is their Perron root too.
        return architecture.Rule switch
        {
            InfinityNormRule or PerronRule => InitialWeights.Normal(random, d, d, scale / (d * MeanMagnitude)),
            MonotoneRule rule => Monotone(rule.Margin, scale / Share, d, random),
            StrictlyTriangularRule => Where(InitialWeights.Normal(random, d, d, scale / Math.Sqrt(d)), d, (i, j) => j < i),
            DiagonalRule => Where([.. Enumerable.Range(0, d * d).Select(_ => (float)(scale * (2 * random.NextDouble() - 1)))], d, (i, j) => j == i),
            _ => InitialWeights.Normal(random, d, d, scale / (2 * Math.Sqrt(d))),
        };
    }

    /// <summary>(1 - margin) I - A'A + B - B' with ||A||_2 and ||B - B'||_2 of about a size.</summary>
    private static float[] Monotone(float margin, double size, int d, Random random) => DeqNetwork.MonotoneW(
        InitialWeights.Normal(random, d, d, size / (2 * Math.Sqrt(d))), InitialWeights.Normal(random, d, d, size / (2 * Math.Sqrt(2 * d))), margin);

    private static float[] Where(float[] w, int d, Func<int, int, bool> keeps) => [.. w.Select((value, k) => keeps(k / d, k % d) ? value : 0)];
}
