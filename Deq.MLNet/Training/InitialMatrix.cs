using Deq.MLNet.Networks;

namespace Deq.MLNet.Training;

/// <summary>The random W that a training starts with.</summary>
internal static class InitialMatrix
{
    /// <summary>W starts with about this share of what its rule allows in training (of 1 without a bound): few iterations at first, room to grow.</summary>
    private const double Share = 0.5;

    /// <summary>The mean magnitude of a standard normal deviate, sqrt(2 / pi).</summary>
    private const double MeanMagnitude = 0.7978845608;

    /// <summary>W for a rule, d x d; what little of it may break the rule is projected where training begins.</summary>
    public static float[] For(DeqArchitecture architecture, Random random)
    {
        var d = architecture.StateSize;
        var scale = Share * (architecture.TrainingBound ?? 1 - (double)architecture.Dropout);
        // A square Gaussian matrix of deviation s has a 2-norm of about 2 s sqrt(d); the rows of its magnitudes sum to about s d sqrt(2 / pi), which is their Perron root too.
        return architecture.Rule switch
        {
            InfinityNormRule or PerronRule => Architecture.Normal(random, d, d, scale / (d * MeanMagnitude)),
            MonotoneRule rule => Monotone(rule.Margin, d, random),
            StrictlyTriangularRule => Where(Architecture.Normal(random, d, d, scale / Math.Sqrt(d)), d, (i, j) => j < i),
            DiagonalRule => Where([.. Enumerable.Range(0, d * d).Select(_ => (float)(scale * (2 * random.NextDouble() - 1)))], d, (i, j) => j == i),
            _ => Architecture.Normal(random, d, d, scale / (2 * Math.Sqrt(d))),
        };
    }

    /// <summary>(1 - margin) I - A'A + B - B' with ||A||_2 and ||B - B'||_2 of about 1.</summary>
    private static float[] Monotone(double margin, int d, Random random)
    {
        var a = Architecture.Normal(random, d, d, 1 / (2 * Math.Sqrt(d)));
        var b = Architecture.Normal(random, d, d, 1 / (2 * Math.Sqrt(2 * d)));
        var w = new float[d * d];
        for (var i = 0; i < d; i++)
        {
            for (var j = 0; j < d; j++)
            {
                var gram = 0.0;
                for (var k = 0; k < d; k++)
                {
                    gram += (double)a[k * d + i] * a[k * d + j];
                }
                w[i * d + j] = (float)((i == j ? 1 - margin : 0) - gram + b[i * d + j] - b[j * d + i]);
            }
        }
        return w;
    }

    private static float[] Where(float[] w, int d, Func<int, int, bool> keeps) => [.. w.Select((value, k) => keeps(k / d, k % d) ? value : 0)];
}
