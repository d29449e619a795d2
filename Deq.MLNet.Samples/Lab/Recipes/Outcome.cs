namespace Deq.MLNet.Samples.Lab;

/// <summary>One training, or several of which the best by training loss was taken, from one seed.</summary>
/// <param name="Size">The network that came of it.</param>
/// <param name="Target">What it was to learn.</param>
/// <param name="Seed">The seed of rows and weights.</param>
/// <param name="Fitted">The network.</param>
/// <param name="Flops">What was spent on it, all starts included.</param>
/// <param name="Seconds">The same by the clock, where two trainings run at a time.</param>
internal sealed record Outcome(Size Size, Target Target, int Seed, Fitted Fitted, double Flops, double Seconds)
{
    private const int ValidationPoints = 4_096, ValidationSeed = 2;

    /// <summary>The mean squared error over the test points where the target is steep; infinite where training diverged.</summary>
    public double Error => _error.Value;

    private readonly Lazy<double> _error = new(() => ErrorAt(Fitted, Target, Target.Test()));

    /// <summary>The mean squared error over validation points, by which networks are chosen. They lie as training rows do, half of them anywhere: a network that is off far from where the target is steep has not learnt it.</summary>
    public double Validation => _validation.Value;

    private readonly Lazy<double> _validation = new(() => ErrorAt(Fitted, Target, Target.Sample(ValidationPoints, ValidationSeed)));

    /// <summary>The largest error over the test points; NaN where training diverged.</summary>
    public double LargestError => _largestError.Value;

    private readonly Lazy<double> _largestError = new(() => Fitted.LargestError(Target, Target.Test()));

    /// <summary>Finds the errors now, beside other seeds, and not when they are asked for one by one.</summary>
    public Outcome Judged()
    {
        _ = (Error, Validation);
        return this;
    }

    private static double ErrorAt(Fitted fitted, Target target, float[][] x) => fitted.MeanSquaredError(target, x) is var error && double.IsNaN(error) ? double.PositiveInfinity : error;

    /// <summary>The training loss that the last epoch told; infinite where training diverged.</summary>
    public double TrainingLoss => Fitted.HasDiverged ? double.PositiveInfinity : Fitted.History.Epochs[^1].TrainingLoss;
}

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
