namespace Deq.MLNet.Samples.Lab;

/// <summary>A function of one variable that networks are to learn, with the points that it is learnt from and judged at.</summary>
/// <param name="Name">What tables and pictures call it.</param>
/// <param name="Low">The least x.</param>
/// <param name="High">The largest x.</param>
/// <param name="Steep">Where it is steep: points of a training lie half here, half anywhere. The whole interval where it is steep everywhere.</param>
internal abstract record Target(string Name, double Low, double High, (double Low, double High) Steep)
{
    private const int TestPoints = 16_384, TestSeed = 20_241_128;

    /// <summary>The value at x, exact to float64's rounding.</summary>
    public abstract double At(double x);

    /// <summary>Points to train or validate on: half spread over the interval and half where it is steep, one at random in each of equal parts.</summary>
    public float[] Sample(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Spread(Low, High, count / 2, random), .. Spread(Steep.Low, Steep.High, count - count / 2, random)];
    }

    /// <summary>Points to judge by, where it is steep. They are the same for every network, and nothing is chosen by them. A regular grid would meet a fine sawtooth at its zeros alone.</summary>
    public float[] Test() => [.. Spread(Steep.Low, Steep.High, TestPoints, new Random(TestSeed))];

    private static IEnumerable<float> Spread(double low, double high, int count, Random random) =>
        Enumerable.Range(0, count).Select(i => (float)(low + (high - low) * (i + random.NextDouble()) / count));
}

/// <summary>The tent map 1 - |2x - 1| on [0, 1], applied again and again: a sawtooth of 2^k linear pieces between 0 and 1.</summary>
internal sealed record Sawtooth(int Doublings) : Target($"2^{Doublings}", 0, 1, (0, 1))
{
    /// <summary>The mean squared error of 1/2 everywhere, the best constant.</summary>
    public const double ConstantError = 1.0 / 12;

    public override double At(double x)
    {
        for (var k = 0; k < Doublings; k++)
            x = 1 - Math.Abs(2 * x - 1);
        return x;
    }
}

/// <summary>A ramp from 0 to 1 over [0, delta] with delta = 2^-d, constant elsewhere on [-1, 1]: a stand-in for the paper's steep function, whose formula was not at hand.</summary>
internal sealed record Ramp(int Halvings) : Target($"2^-{Halvings}", -1, 1, (-Math.ScaleB(8, -Halvings), Math.ScaleB(8, -Halvings)))
{
    public double Delta => Math.ScaleB(1, -Halvings);

    public override double At(double x) => Math.Clamp(x / Delta, 0, 1);

    /// <summary>
    /// The least mean squared error over the test points of a function that is nowhere steeper: that of a line from 0 to 1 of this slope, constant beyond, at the best place.
    /// </summary>
    public double LeastError(double slope)
    {
        if (slope * Delta >= 1)
            return 0;
        var points = Test().Where((_, i) => i % 16 == 0).ToArray();
        double ErrorAround(double middle) => points.Average(x => Math.Pow(Math.Clamp(0.5 + slope * (x - middle), 0, 1) - At(x), 2));
        // Beyond these ends the line is constant where the points are.
        var (low, high) = (Steep.Low - 0.5 / slope, Steep.High + 0.5 / slope);
        for (var i = 0; i < 100; i++)
        {
            var (left, right) = (low + (high - low) / 3, high - (high - low) / 3);
            (low, high) = ErrorAround(left) < ErrorAround(right) ? (low, right) : (left, high);
        }
        return ErrorAround((low + high) / 2);
    }
}
