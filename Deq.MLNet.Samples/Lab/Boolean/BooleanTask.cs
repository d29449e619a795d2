namespace Deq.MLNet.Samples.Lab;

/// <summary>
/// A function of 15 values of -1 and 1, of which training sees a part of the cube alone. After Abbe, Bengio, Lotfi, Rizk, "Generalization on the unseen, logic reasoning and degree curriculum", ICML 2023.
/// </summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Formula">The function and what is seen, in words.</param>
/// <param name="Function">The function.</param>
/// <param name="IsSeen">Whether training sees a point.</param>
/// <param name="LeastDegree">The interpolator of the least degree: the function as the polynomial of the lowest degrees that is right wherever training sees it.</param>
internal sealed record BooleanTask(string Name, string Formula, Func<float[], double> Function, Func<float[], bool> IsSeen, Func<float[], double> LeastDegree)
{
    private const int Variables = 15;

    private static readonly float[][] Cube = [.. Enumerable.Range(0, 1 << Variables).Select(number => Enumerable.Range(0, Variables).Select(i => (number >> i & 1) == 1 ? 1f : -1).ToArray())];

    // Where x0 = 1 or x1 = 1, x0 x1 is x0 + x1 - 1.
    public static BooleanTask TwoParity { get; } = new("2parity", "x0 x1, seen where x0 = 1 or x1 = 1", x => x[0] * x[1], OneOfTwo, x => x[0] + x[1] - 1);

    // Where x0 x1 x2 = 1, the product of two is the third.
    public static BooleanTask ThreeSymmetric { get; } = new("threesym", "x0 x1 - 1.25 x1 x2 + 1.5 x2 x0, seen where x0 x1 x2 = 1", x => x[0] * x[1] - 1.25 * x[1] * x[2] + 1.5 * x[2] * x[0], x => x[0] * x[1] * x[2] == 1,
        x => x[2] - 1.25 * x[0] + 1.5 * x[1]);

    // The majority is (x0 + x1 + x2 - x0 x1 x2) / 2, and x0 x1 x2 is x0 x2 + x1 x2 - x2 where it is seen.
    public static BooleanTask Majority { get; } = new("maj3", "sign(x0 + x1 + x2), seen where x0 = 1 or x1 = 1", x => Math.Sign(x[0] + x[1] + x[2]), OneOfTwo, x => (x[0] + x[1] + 2 * x[2] - x[0] * x[2] - x[1] * x[2]) / 2);

    /// <summary>The mean squared error of the interpolator of least degree over all points that are not seen.</summary>
    public double LeastDegreeError => Cube.Where(x => !IsSeen(x)).Average(x => Math.Pow(LeastDegree(x) - Function(x), 2));

    /// <summary>The variance of the function over the points that are seen.</summary>
    public double SeenVariance
    {
        get
        {
            var values = Cube.Where(IsSeen).Select(Function).ToArray();
            var mean = values.Average();
            return values.Average(value => (value - mean) * (value - mean));
        }
    }

    /// <summary>Different points at random, all seen or all not.</summary>
    public float[][] Points(bool seen, int count, int seed)
    {
        var points = Cube.Where(x => IsSeen(x) == seen).ToArray();
        Rows.Stream(seed).Shuffle(points);
        return points[..Math.Min(count, points.Length)];
    }

    public float[] Values(float[][] x) => [.. x.Select(point => (float)Function(point))];

    private static bool OneOfTwo(float[] x) => x[0] == 1 || x[1] == 1;
}
