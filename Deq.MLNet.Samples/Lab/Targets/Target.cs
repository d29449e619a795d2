namespace Deq.MLNet.Samples.Lab;

/// <summary>A function that networks are to learn, with the points that it is learnt from and judged at.</summary>
/// <param name="Name">What tables and pictures call it.</param>
/// <param name="Inputs">How many variables it has.</param>
/// <param name="Low">The least of each variable.</param>
/// <param name="High">The largest.</param>
/// <param name="Steep">Where it is steep, in each variable: points of a training lie half here, half anywhere. The whole interval where it is steep everywhere.</param>
internal abstract record Target(string Name, int Inputs, double Low, double High, (double Low, double High) Steep)
{
    private const int TestPoints = 16_384, TestSeed = 20_241_128;

    /// <summary>The value at a point, exact to float64's rounding.</summary>
    public abstract double At(params ReadOnlySpan<double> x);

    /// <summary>The value at a row.</summary>
    public double At(float[] row) => At([.. row.Select(value => (double)value)]);

    /// <summary>Rows to train or validate on: half spread everywhere and half where it is steep, one at random in each of equal parts.</summary>
    public float[][] Sample(int count, int seed)
    {
        var random = Rows.Stream(seed);
        return [.. Spread((Low, High), Inputs, count / 2, random), .. Spread(Steep, Inputs, count - count / 2, random)];
    }

    /// <summary>Rows to judge by, where it is steep. They are the same for every network, and nothing is chosen by them. A regular grid would meet a fine sawtooth at its zeros alone.</summary>
    public float[][] Test() => [.. Spread(Steep, Inputs, TestPoints, new Random(TestSeed))];

    /// <summary>Of the values at the test points: the mean squared error of the best constant there.</summary>
    public double Variance => Math.Pow(Statistics.StandardDeviation(Test().Select(row => At(row))), 2);

    /// <summary>The first variable's interval is cut into strips, each strip likewise along the next variable, down to cells of a point each.</summary>
    private static IEnumerable<float[]> Spread((double Low, double High) range, int inputs, int count, Random random)
    {
        if (inputs == 0)
            return [[]];
        var strips = (int)Math.Round(Math.Pow(count, 1.0 / inputs));
        return Enumerable.Range(0, strips).SelectMany(strip => Spread(range, inputs - 1, End(strip + 1) - End(strip), random)
            .Select(others => (float[])[(float)(range.Low + (range.High - range.Low) * (strip + random.NextDouble()) / strips), .. others]));

        // The points in the first strips, which have as many each as the count allows.
        int End(int strip) => (int)((long)count * strip / strips);
    }
}
