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

    public bool IsDeq => Outcomes[0].Size.IsDeq;

    /// <summary>Hidden layers of an FNN.</summary>
    public int Depth => ((FnnSize)Outcomes[0].Size).Layers.Length;

    public double Median => Statistics.Median(Errors);

    /// <summary>The outcome of the median error; of an even number the better one of the middle.</summary>
    public Outcome MedianSeed => Outcomes.OrderBy(outcome => outcome.Error).ElementAt((Outcomes.Count - 1) / 2);

    public IEnumerable<double> Errors => Outcomes.Select(outcome => outcome.Error);

    /// <summary>The median error over validation points.</summary>
    public double Validation => Statistics.Median(Outcomes.Select(outcome => outcome.Validation));

    public static readonly IReadOnlyList<string> Columns = ["regime", "target", "model", "weights", "FLOPs forward", "GFLOPs of training", "learning rate", "validation error", "median error", "least", "largest", "seconds", "seeds"];

    public object?[] Row() =>
    [
        Regime, Target.Name, Model, Outcomes[0].Size.Parameters(Target.Inputs), Outcomes[0].Size.Forward(Target.Inputs), GigaFlops, LearningRate, Validation, Median, Statistics.Quantile(Errors, 0), Statistics.Quantile(Errors, 1),
        Outcomes.Average(outcome => outcome.Seconds), SeedsTold,
    ];

    /// <summary>What the training of one seed took, in 1e9 FLOPs.</summary>
    public double GigaFlops => Outcomes.Average(outcome => outcome.Flops) / 1e9;

    /// <summary>The first and the last seed.</summary>
    public string SeedsTold => Seeds.Told(Outcomes[0].Seed, Outcomes.Count);
}
