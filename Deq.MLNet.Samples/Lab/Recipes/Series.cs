namespace Deq.MLNet.Samples.Lab;

/// <summary>The outcomes of one model over the seeds.</summary>
internal sealed record Series(string Regime, string Model, Target Target, IReadOnlyList<Outcome> Outcomes)
{
    /// <summary>The learning rate that was chosen; null for a method that has none.</summary>
    public float? LearningRate { get; init; }

    /// <summary>The bound on row sums and biases that training obeyed; null for none.</summary>
    public float? Bound { get; init; }

    /// <summary>Trains a network from each seed.</summary>
    public static Series Train(string regime, string model, Target target, int first, int count, Func<int, Outcome> train) =>
        new(regime, model, target, Seeds.ForEach(first, count, seed => train(seed).Judged()));

    /// <summary>Runs trainings, each of a network from all its seeds, so that no processor waits for the last seed of one, and returns what they give in their order.</summary>
    public static List<Series> Together(IEnumerable<Func<IEnumerable<Series>>> trainings) => [.. Seeds.Together([.. trainings], training => training().ToList()).SelectMany(found => found)];

    public Size Size => Outcomes[0].Size;

    public bool IsDeq => Size.IsDeq;

    /// <summary>Hidden layers of an FNN.</summary>
    public int Depth => ((FnnSize)Size).Layers.Length;

    public double Median => Statistics.Median(Errors);

    /// <summary>The outcome of the median error; of an even number the better one of the middle.</summary>
    public Outcome MedianSeed => Outcomes.OrderBy(outcome => outcome.Error).ElementAt((Outcomes.Count - 1) / 2);

    /// <summary>Evaluations of the cell that a batch of the last epoch took, median over seeds.</summary>
    public double Iterations => Statistics.Median(Outcomes.Select(outcome => outcome.Fitted.History.Epochs is [.., var last] ? last.MeanIterations : double.NaN));

    public IEnumerable<double> Errors => Outcomes.Select(outcome => outcome.Error);

    /// <summary>The median error over validation points.</summary>
    public double Validation => Statistics.Median(Outcomes.Select(outcome => outcome.Validation));

    /// <summary>What the training of one seed took, in 1e9 FLOPs.</summary>
    public double GigaFlops => Outcomes.Average(outcome => outcome.Flops) / 1e9;
}
