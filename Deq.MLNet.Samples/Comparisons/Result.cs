namespace Deq.MLNet.Samples;

/// <summary>What one trainer reached on one fold.</summary>
/// <param name="Metrics">The comparison's metrics, its main one first.</param>
/// <param name="Rows">The rows that were held out, scored.</param>
/// <param name="Seconds">Time to train and to score.</param>
internal sealed record Fold<TRow>(double[] Metrics, IReadOnlyList<TRow> Rows, double Seconds);

/// <summary>What one trainer reached over all folds.</summary>
/// <param name="Trainer">Its name.</param>
/// <param name="IsNetwork">Whether it is one of this library's.</param>
/// <param name="Folds">The folds, those of the first repeat first; the same for every trainer.</param>
internal sealed record Result<TRow>(string Trainer, bool IsNetwork, IReadOnlyList<Fold<TRow>> Folds)
{
    /// <summary>The mean of the main metric.</summary>
    public double Mean => MeanOf(0);

    /// <summary>The standard deviation of the main metric over the folds.</summary>
    public double Spread => Math.Sqrt(Folds.Sum(fold => Math.Pow(fold.Metrics[0] - Mean, 2)) / (Folds.Count - 1));

    public double SecondsPerFit => Folds.Average(fold => fold.Seconds);

    /// <summary>Every row once, scored by a model that did not see it in training.</summary>
    public IEnumerable<TRow> FirstRepeat => Folds.Take(CrossValidation.Folds).SelectMany(fold => fold.Rows);

    /// <summary>The mean of a metric over the folds.</summary>
    public double MeanOf(int metric) => Folds.Average(fold => fold.Metrics[metric]);
}
