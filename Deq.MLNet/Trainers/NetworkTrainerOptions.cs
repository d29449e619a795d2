using Deq.MLNet.Errors;
using Deq.MLNet.Trainers.Scoring;
using Deq.MLNet.Training;
using Microsoft.ML.Trainers;

namespace Deq.MLNet;

/// <summary>What the trainers of this library have in common. Values are checked when a trainer is made from them.</summary>
public abstract class NetworkTrainerOptions : TrainerInputBaseWithWeight
{
    private const float MaxLearningRate = 1e30f;

    /// <summary>Passes over the training rows, at least 0; default 100. With 0 the model is the network of <see cref="InitialNetwork"/>, or of the model that Fit is given, bit for bit: one that was made by other means is scored, saved and exported so.</summary>
    public int Epochs = 100;

    /// <summary>Rows of one step, at least 1; default 32. A value of all rows or more trains on the full batch, as <see cref="LevenbergMarquardt"/> and <see cref="LBfgs"/> do whatever it is.</summary>
    public int BatchSize = 32;

    /// <summary>The learning rate, above 0 and at most 1e30; default 1e-3.</summary>
    public float LearningRate = 1e-3f;

    /// <summary>Whether every epoch takes the rows in a new random order; default true. Otherwise each takes them as they come.</summary>
    public bool Shuffle = true;

    /// <summary>How the weights start; default <see cref="Initialization.Gaussian"/>. Where training starts from a network, how the units start that are added to it; of no effect where it has them all. <see cref="Initialization.Triangular"/>, <see cref="Initialization.Given"/> and <see cref="Initialization.LogTimescales"/> are of W in a DEQ.</summary>
    public Initialization Initialization = Initialization.Gaussian();

    /// <summary>
    /// The network to start from, over the data's own units and of the activation of these options: training starts as the same function, as with Fit(trainData, modelParameters), whose model is taken where both are given.
    /// It may have fewer states, or narrower or fewer hidden layers, than the options say: its units come first, and <see cref="Initialization"/> says how those start that are added. They are read with zero weight at first, so that
    /// the function stands, but under <see cref="Initialization.Cascade"/>, and but for a hidden layer that is added behind the others, whose read-out starts anew. Default null: random weights.
    /// </summary>
    public Network? InitialNetwork;

    /// <summary>Several starts, of which the best goes on; default null: one. <see cref="OnEpoch"/>, the history and <see cref="Checkpoint"/> are of that one alone: its first epochs are told when it is chosen. The rows' order is the same in all.</summary>
    public Starts? Starts;

    /// <summary>Epochs at the beginning in which the units of <see cref="InitialNetwork"/> stay as they are, and only units that are added to it and the read-out train, at least 0; default 0. Needs <see cref="Engine.Direct"/>, which <see cref="Engine.Auto"/> then is.</summary>
    public int FrozenEpochs;

    /// <summary>
    /// The largest sum of magnitudes in a row of every layer's weights (the layer's infinity norm), the read-out's too, and the largest magnitude of a bias other than the read-out's, in training: after a step longer rows are scaled down,
    /// biases clipped. W of a DEQ goes by <see cref="DeqTrainerOptions.WellPosedness"/> instead. It bounds the model's own weights where <see cref="NormalizeFeatures"/> and <see cref="NormalizeLabel"/> are false. A network to start from that is above it is scaled down, with a warning. Refused with a diagonal linear cell, whose read-out of ones stays. Default null: no limit.
    /// </summary>
    public float? MaxWeightNorm;

    /// <summary>How a gradient becomes a step; default <see cref="Adam"/>.</summary>
    public Optimizer Optimizer = new Adam();

    /// <summary>Shrinks the weights, at least 0; default 0. Adam, Sgd and the optimizers of full batches add this multiple of the weights to the gradient (L2); AdamW takes LearningRate times this share off the weights in every step.</summary>
    public float WeightDecay;

    /// <summary>How the learning rate moves; default <see cref="LearningRateSchedule.Constant"/>.</summary>
    public LearningRateSchedule LearningRateSchedule = LearningRateSchedule.Constant;

    /// <summary>The largest Euclidean norm of a gradient, positive; longer ones are scaled down. Refused with an optimizer of full batches, which chooses the length of its steps. Default null: no limit.</summary>
    public float? GradientClip;

    /// <summary>When to stop before <see cref="Epochs"/>; needs validation rows. Default null: never.</summary>
    public EarlyStopping? EarlyStopping;

    /// <summary>The share of the training rows that is held out for the validation loss where Fit is given no validation data, in [0, 1); default 0.</summary>
    public float ValidationFraction;

    /// <summary>The seed of initial weights, row order, dropout and the rows that <see cref="ValidationFraction"/> holds out. Default null: the MLContext's seed, else a random one, which <see cref="TrainingHistory.Seed"/> tells.</summary>
    public int? Seed;

    /// <summary>Whether features are brought to mean 0 and standard deviation 1; default true. The scaling is folded into the weights: scoring takes raw features.</summary>
    public new bool NormalizeFeatures = true;

    /// <summary>Whether training scales the label of regression; default true: to mean 0 and standard deviation 1, under a log link (Poisson, Tweedie) to mean 1. Scores are in the label's own units either way. A class has no scale: of no effect there.</summary>
    public bool NormalizeLabel = true;

    /// <summary>What does the arithmetic; default <see cref="Engine.Auto"/>, by which most trainings need no libtorch. <see cref="Engine.Simd"/> or <see cref="Engine.Direct"/> with options that it does not do, or with a <see cref="Device"/> of CUDA, is refused when the trainer is made.</summary>
    public Engine Engine = Engine.Auto;

    /// <summary>"cpu", "cuda" or "cuda:N". Default null: MLContext.GpuDeviceId, where it is set before the trainer is made, else the CPU; with <see cref="Engine.Simd"/> and <see cref="Engine.Direct"/> the CPU.</summary>
    public string? Device;

    /// <summary>In what Torch computes matrix products; default <see cref="MatmulPrecision.Float32"/>. Of no effect with Simd and Direct.</summary>
    public MatmulPrecision MatmulPrecision = MatmulPrecision.Float32;

    /// <summary>Threads of the steps of a CPU training, at least 1; more than there are processors count as one each. Default null: with Torch 1 for layers of up to 128, where more cost more than they bring, else one per processor; with Simd and Direct as many as a step has work for.</summary>
    public int? Threads;

    /// <summary>The file that keeps the state of the training, from which a Fit that was stopped goes on; default null: none.</summary>
    public Checkpoint? Checkpoint;

    /// <summary>Called after every epoch, on the thread that trains; default null. An exception thrown here stops the training.</summary>
    public Action<TrainingEpoch>? OnEpoch;

    /// <summary>Stops a training: within 1,000 rows while they are read, then within one batch; the measurement of the finished network, about a second, is not cut short. Fit throws <see cref="OperationCanceledException"/>. Default: never.</summary>
    public CancellationToken CancellationToken;

    private protected abstract Architecture ToArchitecture();

    private protected abstract Loss GetLoss();

    private protected virtual ClassWeights? GetClassWeights() => null;

    private protected virtual ExtraColumns ToExtraColumns() => ExtraColumns.None;

    /// <summary>The columns beside those of the task; throws where one would hide a column of the trainer's.</summary>
    internal ExtraColumns GetExtraColumns() => ToExtraColumns().Check(FeatureColumnName, LabelColumnName, ExampleWeightColumnName);

    /// <summary>The device; throws where it is none, present here or not.</summary>
    internal string? CheckDevice()
    {
        if (Device is not null)
        {
            TorchBackend.ParseCudaIndex(Device);
        }
        return Device;
    }

    /// <summary>The engine, <see cref="Engine.Direct"/> where the optimizer asks for it; throws where it cannot do what the other options ask for.</summary>
    internal Engine CheckEngine(TrainingSettings settings) => OptionChecks.CheckEngine(Check.Defined(Engine), Device, settings);

    /// <summary>The options as plain values; throws where one is out of its range.</summary>
    internal TrainingSettings ToSettings(int seed) => OptionChecks.Check(new TrainingSettings
    {
        Architecture = ToArchitecture(),
        Loss = Check.NotNull(GetLoss(), "Loss"),
        ClassWeights = GetClassWeights(),
        Epochs = Check.AtLeast(Epochs, 0),
        // An optimizer of full batches takes all rows, however many they are.
        BatchSize = Check.NotNull(Optimizer).IsFullBatch ? int.MaxValue : Check.AtLeast(BatchSize, 1),
        LearningRate = Check.AtMost(Check.Positive(LearningRate), MaxLearningRate, nameof(LearningRate)),
        Optimizer = Check.NotNull(Optimizer),
        Schedule = Check.NotNull(LearningRateSchedule),
        Seed = seed,
        Shuffle = Shuffle,
        WeightDecay = Check.Within(WeightDecay, 0, float.PositiveInfinity),
        GradientClip = GradientClip is { } clip ? Check.Positive(clip, nameof(GradientClip)) : null,
        EarlyStopping = EarlyStopping,
        ValidationFraction = Check.Within(ValidationFraction, 0, 1),
        NormalizeFeatures = NormalizeFeatures,
        NormalizeTargets = NormalizeLabel,
        Starts = Starts,
        FrozenEpochs = Check.AtLeast(FrozenEpochs, 0),
        MaxWeightNorm = MaxWeightNorm is { } norm ? Check.Positive(norm, nameof(MaxWeightNorm)) : null,
        MatmulPrecision = Check.Defined(MatmulPrecision),
        Threads = Threads is { } threads ? Math.Min(Check.AtLeast(threads, 1, nameof(Threads)), Environment.ProcessorCount) : null,
    });
}
