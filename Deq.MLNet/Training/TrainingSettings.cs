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
    public Starts? Starts { get; init; }

    /// <summary>The largest sum of magnitudes of a row of a layer's weights, W excepted, which has its rule, and the largest magnitude of a bias; null for no limit.</summary>
    public double? MaxWeightNorm { get; init; }

    /// <summary>The first epochs, in which the incoming weights and biases of the <see cref="FrozenUnits"/> do not move.</summary>
    public int FrozenEpochs { get; init; }

    /// <summary>For each layer that phi follows (encoder layers and the cell, or hidden layers), first to last, how many of its first units are those of the network that training starts from.</summary>
    public IReadOnlyList<int> FrozenUnits { get; init; } = [];
    public MatmulPrecision MatmulPrecision { get; init; }

    /// <summary>The engines of which one may go on with what another began: <see cref="MLNet.Engine.Direct"/>, whose weights are of float64, only itself.</summary>
    public string Engines { get; init; } = SharedEngines;

    public const string SharedEngines = "Torch or Simd";
}
