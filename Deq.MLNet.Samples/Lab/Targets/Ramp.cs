namespace Deq.MLNet.Samples.Lab;

/// <summary>A ramp from 0 to 1 over [0, delta] with delta = 2^-d, constant elsewhere on [-1, 1]: a stand-in for the paper's steep function, whose formula was not at hand.</summary>
internal sealed record Ramp(int Halvings) : Target($"2^-{Halvings}", 1, -1, 1, (-Math.Min(1, Math.ScaleB(8, -Halvings)), Math.Min(1, Math.ScaleB(8, -Halvings))))
{
    public double Delta => Math.ScaleB(1, -Halvings);

    public override double At(params ReadOnlySpan<double> x) => Math.Clamp(x[0] / Delta, 0, 1);

    /// <summary>
    /// The least mean squared error over the test points of a function that is nowhere steeper: that of a line from 0 to 1 of this slope, constant beyond, at the best place.
    /// </summary>
    public double LeastError(double slope)
    {
        if (slope * Delta >= 1)
            return 0;
        var points = Test().Where((_, i) => i % 16 == 0).Select(row => row[0]).ToArray();
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
