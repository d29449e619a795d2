namespace Deq.MLNet.Samples.Lab;

/// <summary>What seeds have in common. NaN counts as the worst, the largest, value: a run that failed is never dropped.</summary>
internal static class Statistics
{
    public static double Median(IEnumerable<double> values) => Quantile(values, 0.5);

    /// <summary>The value below which a share of the values lies, interpolated linearly between neighbours.</summary>
    /// <param name="values">At least one.</param>
    /// <param name="share">In [0, 1].</param>
    public static double Quantile(IEnumerable<double> values, double share)
    {
        var sorted = values.Select(value => double.IsNaN(value) ? double.PositiveInfinity : value).Order().ToArray();
        var position = share * (sorted.Length - 1);
        var (below, part) = ((int)position, position - (int)position);
        // Two infinite neighbours have no difference.
        return part == 0 || sorted[below] == sorted[below + 1] ? sorted[below] : sorted[below] + part * (sorted[below + 1] - sorted[below]);
    }

    public static double Mean(IEnumerable<double> values) => values.Average();

    /// <summary>The deviation in the sample, with n - 1 below; 0 of a single value.</summary>
    public static double StandardDeviation(IEnumerable<double> values)
    {
        var all = values.ToArray();
        var mean = all.Average();
        return all.Length < 2 ? 0 : Math.Sqrt(all.Sum(value => (value - mean) * (value - mean)) / (all.Length - 1));
    }
}
