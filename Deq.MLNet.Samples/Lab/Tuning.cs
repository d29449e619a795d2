namespace Deq.MLNet.Samples.Lab;

/// <summary>The choice of a learning rate.</summary>
internal static class Tuning
{
    /// <summary>The rate of the least loss. One that diverges is the worst.</summary>
    /// <param name="rates">At least one; with one nothing runs.</param>
    /// <param name="loss">The validation loss of a training at a rate, on a seed that no test uses; NaN where it diverged.</param>
    public static float Choose(IReadOnlyList<float> rates, Func<float, double> loss) =>
        rates.Count == 1 ? rates[0] : rates.Zip(Seeds.ForEach(0, rates.Count, i => loss(rates[i]))).MinBy(pair => double.IsNaN(pair.Second) ? double.PositiveInfinity : pair.Second).First;
}
