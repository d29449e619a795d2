using Deq.MLNet.Samples;
using Microsoft.ML.Data;

namespace Deq.MLNet.Benchmarks;

/// <summary>Generated data of which the truth is known.</summary>
internal static class Generated
{
    /// <summary>Friedman's first problem (1991): five of ten uniform features count, one pair of them by a sine of their product; noise of deviation 1.</summary>
    public static LearningTask<ProgressionEstimate> Friedman { get; } = new("Friedman 1", ml => ml.Data.LoadFromEnumerable(FriedmanRows()), [],
        (_, trainer) => trainer, ["R²"], (ml, scored) => [ml.Regression.Evaluate(scored).RSquared]);

    /// <summary>Two spirals of two turns each, with noise: which one does a point of the plane lie on (Lang and Witbrock 1988).</summary>
    public static LearningTask<Diagnosis> Spirals { get; } = new("two spirals", ml => ml.Data.LoadFromEnumerable(SpiralRows()), [],
        (_, trainer) => trainer, ["AUC"], (ml, scored) => [ml.BinaryClassification.Evaluate(scored).AreaUnderRocCurve]);

    private static List<Measured> FriedmanRows()
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, 1000).Select(_ =>
        {
            var x = Enumerable.Range(0, 10).Select(_ => random.NextSingle()).ToArray();
            var y = 10 * MathF.Sin(MathF.PI * x[0] * x[1]) + 20 * MathF.Pow(x[2] - 0.5f, 2) + 10 * x[3] + 5 * x[4];
            return new Measured { Features = x, Label = y + Normal(random) };
        })];
    }

    private static List<Labelled> SpiralRows()
    {
        var random = new Random(2);
        return [.. Enumerable.Range(0, 1000).Select(i =>
        {
            var angle = 4 * MathF.PI * MathF.Sqrt(random.NextSingle());
            var sign = i % 2 == 0 ? 1 : -1;
            return new Labelled { Plane = [sign * angle * MathF.Cos(angle) + Normal(random) / 2, sign * angle * MathF.Sin(angle) + Normal(random) / 2], Label = i % 2 == 0 };
        })];
    }

    private static float Normal(Random random) => MathF.Sqrt(-2 * MathF.Log(1 - random.NextSingle())) * MathF.Cos(2 * MathF.PI * random.NextSingle());

    private sealed class Measured
    {
        [VectorType(10)] public float[] Features { get; set; } = [];

        public float Label { get; set; }
    }

    private sealed class Labelled
    {
        [VectorType(2), ColumnName("Features")] public float[] Plane { get; set; } = [];

        public bool Label { get; set; }
    }
}
