namespace Deq.MLNet.Tests.Training.Simd.Projections;

/// <summary>A W (d x d) that moves as one in training does: in every step each entry by about the rate, half of it in a common direction that turns slowly.</summary>
internal sealed class WalkOfW(int size, double rate, int seed)
{
    private readonly Random _random = new(seed);
    private readonly double[] _momentum = new double[size * size];
    private readonly double[] _u = new double[size], _v = new double[size];

    public static float[] Start(int size, double scale, int seed) => RandomCell.Values(new Random(seed), size * size, scale / Math.Sqrt(size));

    /// <summary>What the next step adds.</summary>
    public float[] Next()
    {
        foreach (var direction in new[] { _u, _v })
        {
            var turn = RandomCell.Values(_random, size, 0.3);
            for (var i = 0; i < size; i++)
            {
                direction[i] = 0.95 * direction[i] + turn[i];
            }
        }
        var noise = RandomCell.Values(_random, size * size, 1);
        for (var i = 0; i < _momentum.Length; i++)
        {
            _momentum[i] = 0.9 * _momentum[i] + 0.1 * (_u[i / size] * _v[i % size] + noise[i]);
        }
        var deviation = Linear.Norm(_momentum) / size;
        return [.. _momentum.Select(m => (float)(rate * m / deviation))];
    }
}
