using Microsoft.ML;

namespace Deq.MLNet.Samples.Lab;

/// <summary>Fewer rows than features, y = beta x: what a model makes of the freedom that the rows leave is its bias.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Beta">The coefficients.</param>
internal sealed record LinearTask(string Name, double[] Beta)
{
    public const int Features = 20, TrainingRows = 8, TestRows = 512;

    /// <summary>Two features of 20 matter.</summary>
    public static LinearTask Sparse { get; } = new("sparse", [.. Enumerable.Range(0, Features).Select(i => i == 2 ? 1.5 : i == 7 ? -1 : 0)]);

    /// <summary>All matter alike, with alternating signs; of the same length.</summary>
    public static LinearTask Dense { get; } = new("dense", [.. Enumerable.Range(0, Features).Select(i => (i % 2 == 0 ? 1 : -1) * Math.Sqrt((1.5 * 1.5 + 1) / Features))]);

    /// <summary>The rows that networks are judged by.</summary>
    public static float[][] TestX { get; } = X(TestRows, seed: 1_000);

    /// <summary>The rows that learning rates are chosen by.</summary>
    public static float[][] ValidationX { get; } = X(TestRows, seed: 3_000);

    /// <summary>Standard normal features.</summary>
    public static float[][] X(int count, int seed)
    {
        var random = Rows.Stream(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, Features).Select(_ => (float)Normal(random)).ToArray())];
    }

    public float[] Y(float[][] x) => [.. x.Select(row => (float)LinearModels.Dot(Beta, row))];

    public IDataView Data(MLContext ml, float[][] x) => Rows.Of(ml, x, Y(x));

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
