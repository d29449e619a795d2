namespace Deq.MLNet.Training;

/// <summary>How to train, in plain values: what the options of every trainer are turned into.</summary>
internal sealed record TrainingSettings
{
    public required Architecture Architecture { get; init; }
    public required Loss Loss { get; init; }

    /// <summary>K, the affine outputs: the number of classes for more than two, else 1.</summary>
    public int Outputs { get; init; } = 1;

    public ClassWeights? ClassWeights { get; init; }

    /// <summary>Whether what is trained is a probability without further ado.</summary>
    public bool GivesProbabilities => Loss.IsProper && ClassWeights is null;
    public required int Epochs { get; init; }
    public required int BatchSize { get; init; }
    public required double LearningRate { get; init; }
    public required Optimizer Optimizer { get; init; }
    public required LearningRateSchedule Schedule { get; init; }
    public required int Seed { get; init; }
    public bool Shuffle { get; init; } = true;
    public double WeightDecay { get; init; }
    public double? GradientClip { get; init; }
    public EarlyStopping? EarlyStopping { get; init; }
    public float ValidationFraction { get; init; }
    public bool NormalizeFeatures { get; init; } = true;
    public bool NormalizeTargets { get; init; } = true;
    public int? Threads { get; init; }
    public MatmulPrecision MatmulPrecision { get; init; }
}
