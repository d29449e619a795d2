namespace Deq.MLNet.Samples.Lab;

/// <summary>The choice of a learning rate.</summary>
internal static class Tuning
{
    /// <summary>
    /// The rate of the least loss, the mean over seeds: one that fails tells against a rate, however well others do at it. A training that diverges is the worst. Of rates whose losses are exact and alike the least:
    /// the larger are nearer to where trainings fail.
    /// </summary>
    /// <param name="rates">At least one, ascending; with one nothing runs.</param>
    /// <param name="seeds">At least one, and none that a test uses.</param>
    /// <param name="loss">The validation loss of a training at a rate from a seed; NaN where it diverged.</param>
    public static float Choose(IReadOnlyList<float> rates, IReadOnlyList<int> seeds, Func<float, int, double> loss)
    {
        if (rates.Count == 1)
            return rates[0];
        var losses = Seeds.ForEach(0, rates.Count * seeds.Count, i => loss(rates[i / seeds.Count], seeds[i % seeds.Count]));
        return rates.Zip(losses.Chunk(seeds.Count).Select(Statistics.Mean)).MinBy(pair => double.IsNaN(pair.Second) ? double.PositiveInfinity : Math.Max(Comparison.Exact, pair.Second)).First;
    }
}
