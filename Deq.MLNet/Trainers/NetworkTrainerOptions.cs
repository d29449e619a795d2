using Deq.MLNet.Errors;
using Deq.MLNet.Networks;
using Deq.MLNet.Trainers.Scoring;
using Deq.MLNet.Training;
using Microsoft.ML.Trainers;

namespace Deq.MLNet;

/// <summary>What the trainers of this library have in common. Values are checked when a trainer is made from them.</summary>
public abstract class NetworkTrainerOptions : TrainerInputBaseWithWeight
{
    private const float MaxLearningRate = 1e30f;

    /// <summary>Passes over the training rows, at least 1; default 100.</summary>
    public int Epochs = 100;

    /// <summary>Rows of one step, at least 1; default 32. A value of all rows or more trains on the full batch.</summary>
    public int BatchSize = 32;

    /// <summary>The learning rate, above 0 and at most 1e30; default 1e-3.</summary>
    public float LearningRate = 1e-3f;

    /// <summary>Whether every epoch takes the rows in a new random order; default true. Otherwise each takes them as they come.</summary>
    public bool Shuffle = true;

    /// <summary>How the weights start; default <see cref="Initialization.Gaussian"/>. Of no effect where training starts from a network. <see cref="Initialization.Triangular"/> and <see cref="Initialization.Given"/> are of W in a DEQ.</summary>
    public Initialization Initialization = Initialization.Gaussian();

    /// <summary>
    /// The network to start from, over the data's own units and of the sizes and activation of these options: training starts as the same function, as with Fit(trainData, modelParameters),
    /// whose model is taken where both are given. Default null: random weights.
    /// </summary>
    public Network? InitialNetwork;

    /// <summary>How a gradient becomes a step; default <see cref="Adam"/>.</summary>
    public Optimizer Optimizer = new Adam();

    /// <summary>Shrinks the weights, at least 0; default 0. Adam and Sgd add this multiple of the weights to the gradient (L2); AdamW takes LearningRate times this share off the weights in every step.</summary>
    public float WeightDecay;

    /// <summary>How the learning rate moves; default <see cref="LearningRateSchedule.Constant"/>.</summary>
    public LearningRateSchedule LearningRateSchedule = LearningRateSchedule.Constant;

    /// <summary>The largest Euclidean norm of a gradient, positive; longer ones are scaled down. Default null: no limit.</summary>
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

    /// <summary>"cpu", "cuda" or "cuda:N". Default null: MLContext.GpuDeviceId, where it is set before the trainer is made, else the CPU.</summary>
    public string? Device;

    /// <summary>Threads of the steps of a CPU training, at least 1; more than there are processors count as one each. Default null: 1 for layers of up to 128, where more cost more than they bring, else one per processor.</summary>
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

    /// <summary>The options as plain values; throws where one is out of its range.</summary>
    internal TrainingSettings ToSettings(int seed) => new()
    {
        Architecture = ToArchitecture(),
        Loss = Check.NotNull(GetLoss(), "Loss"),
        ClassWeights = GetClassWeights(),
        Epochs = Check.AtLeast(Epochs, 1),
        BatchSize = Check.AtLeast(BatchSize, 1),
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
        Threads = Threads is { } threads ? Math.Min(Check.AtLeast(threads, 1, nameof(Threads)), Environment.ProcessorCount) : null,
    };
}

/// <summary>What the trainers of deep equilibrium networks have in common.</summary>
public abstract class DeqTrainerOptions : NetworkTrainerOptions
{
    /// <summary>d, the number of states, at least 1; default 64.</summary>
    public int HiddenSize = 64;

    /// <summary>phi of the cell; default ReLU.</summary>
    public Activation Activation = Activation.ReLU;

    /// <summary>The rule that W obeys after every step; default Spectral(0.9). A solver, activation or dropout that does not fit it is refused when the trainer is made, with what would fit.</summary>
    public WellPosedness WellPosedness = WellPosedness.Spectral();

    /// <summary>
    /// The form of the cell; default <see cref="DeqCell.Dense"/>. <see cref="DeqCell.DiagonalLinear"/> has as many states as there are features and phi the identity, whatever
    /// <see cref="HiddenSize"/> and <see cref="Activation"/> are, and starts from w = 0, u = 0: give it a <see cref="WellPosedness"/> of None for the gradient flow of w and u alone.
    /// </summary>
    public DeqCell Cell;

    /// <summary>Whether features also go straight to the outputs, y = V z + S x + c, S starting from 0; default false.</summary>
    public bool SkipConnection;

    /// <summary>The sizes of the layers before the cell, first to last, each at least 1, phi after each; U then acts on the last. Default empty: U acts on the features.</summary>
    public int[] EncoderSizes = [];

    /// <summary>How equilibria are found, in training and in scoring; default <see cref="Auto"/>, which goes by the rule and by how fast a solve converges.</summary>
    public FixedPointSolver Solver = new Auto();

    /// <summary>How the gradient passes through the equilibrium; default <see cref="Implicit"/>, which is exact.</summary>
    public EquilibriumGradient Gradient = new Implicit();

    /// <summary>How the adjoint system of the implicit gradient is solved; default null: <see cref="Auto"/>, which goes by the rule.</summary>
    public FixedPointSolver? GradientSolver;

    /// <summary>Keeps the cell's Jacobian small; default null: it is left alone.</summary>
    public JacobianPenalty? JacobianPenalty;

    /// <summary>Trains iterates on the way to the equilibrium too; default null: only the equilibrium.</summary>
    public FixedPointCorrection? FixedPointCorrection;

    /// <summary>
    /// Whether the solve of a training row starts where the one of the epoch before ended, instead of from zero; default false. It keeps N x d values for N training rows on the device,
    /// and in the file of a <see cref="Checkpoint"/>. Validation and scoring always start from zero.
    /// </summary>
    public bool WarmStart;

    /// <summary>The stopping test in training, of the equilibrium and, its relative part, of the gradient; default a relative 1e-4.</summary>
    public Tolerance Tolerance = new(1e-4);

    /// <summary>The stopping test in scoring and of the validation loss; default a relative 1e-6.</summary>
    public Tolerance ScoringTolerance = new(1e-6);

    /// <summary>Evaluations of the cell in one solve at the most, at least 1; default 200, which suffices for the default rule and tolerances whatever the data.</summary>
    public int MaxIterations = 200;

    /// <summary>What a scored row gets whose equilibrium is not found within <see cref="MaxIterations"/>; default its best iterate. Saved with the model. A row at the precision of float32 counts as found.</summary>
    public OnNonConvergence OnNonConvergence = OnNonConvergence.ReturnBest;

    /// <summary>The probability with which a state is left out of a training step, in [0, 1); default 0. A row keeps its mask for the whole solve; the states that stay are scaled
    /// by 1 / (1 - Dropout). In training <see cref="WellPosedness"/> bounds the cell so stretched, so that its bound on W is (1 - Dropout) times that without. Not under a monotone rule.</summary>
    public float Dropout;

    /// <summary>
    /// Whether scoring tells how each row was solved; default false. It adds Residual, a Single, and Iterations, an Int32, as in <see cref="RowSolution"/>,
    /// and SolveStatus, the name of the <see cref="MLNet.SolveStatus"/> as text.
    /// </summary>
    public bool SolveColumns;

    /// <summary>The name of a column that scoring adds with the equilibrium z, a vector of d Single, for what follows in the pipeline; NaN where there is none. Default null: no such column.</summary>
    public string? StateColumn;

    private protected override ExtraColumns ToExtraColumns() => new(SolveColumns, StateColumn);

    private protected override Architecture ToArchitecture()
    {
        CheckCell();
        var architecture = Options();
        new Combination(WellPosedness, Activation, Solver, GradientSolver, Dropout).Check();
        return GradientChecks.Check(architecture, GradientSolver is not null);
    }

    private DeqArchitecture Options() => new(
        Check.AtLeast(HiddenSize, 1),
        Cell == DeqCell.DiagonalLinear ? Activation.Identity : Check.Defined(Activation),
        Check.NotNull(WellPosedness),
        Check.NotNull(Solver),
        GradientSolver ?? new Auto(),
        Check.NotNull(Tolerance),
        Check.AtLeast(MaxIterations, 1),
        // Broyden's method works on a batch; the rows that it trains on are scored one by one.
        new EquilibriumSettings(Solver is Broyden ? new Auto() : Solver, Check.NotNull(ScoringTolerance), MaxIterations, Check.Defined(OnNonConvergence)),
        Check.Within(Dropout, 0, 1))
    {
        Cell = Cell,
        SkipConnection = SkipConnection,
        EncoderSizes = [.. Check.NotNull(EncoderSizes).Select((size, layer) => Check.AtLeast(size, 1, $"{nameof(EncoderSizes)}[{layer}]"))],
        Initialization = Check.NotNull(Initialization),
        Gradient = Check.NotNull(Gradient),
        JacobianPenalty = JacobianPenalty,
        FixedPointCorrection = FixedPointCorrection,
        WarmStart = WarmStart,
    };

    /// <summary>Throws where the cell does not go with other options.</summary>
    private void CheckCell()
    {
        Check.Defined(Cell);
        if (Cell == DeqCell.LayerNormalized)
        {
            LayerNormalizedCell.Check(Check.NotNull(Solver), nameof(Solver));
            LayerNormalizedCell.Check(GradientSolver ?? new Auto(), nameof(GradientSolver));
            LayerNormalizedCell.Check(Check.NotNull(WellPosedness), nameof(WellPosedness));
        }
        if (Initialization is GivenInitialization { W: var w } && w.Length != (long)HiddenSize * HiddenSize)
        {
            throw new ArgumentException($"Initialization gives a W of {w.Length} values; HiddenSize {HiddenSize} needs {(long)HiddenSize * HiddenSize}.", nameof(Initialization));
        }
        if (Cell == DeqCell.DiagonalLinear && (SkipConnection, EncoderSizes, Dropout, Initialization) is not (false, { Length: 0 }, 0, GaussianInitialization { Scale: null }))
        {
            throw new ArgumentException("A diagonal linear cell goes with neither SkipConnection, EncoderSizes, Dropout nor Initialization: it starts from 0, or from InitialNetwork. Leave these options, or use another Cell.", nameof(Cell));
        }
    }
}

/// <summary>What the trainers of feed-forward networks have in common.</summary>
public abstract class FnnTrainerOptions : NetworkTrainerOptions
{
    /// <summary>The sizes of the hidden layers, first to last, each at least 1; default 64 and 64. Empty for a linear model.</summary>
    public int[] HiddenSizes = [64, 64];

    /// <summary>phi of the hidden layers; default ReLU.</summary>
    public Activation Activation = Activation.ReLU;

    /// <summary>The probability with which a hidden unit is left out of a training step, in [0, 1); default 0.</summary>
    public float Dropout;

    private protected override Architecture ToArchitecture() => new FnnArchitecture(
        [.. Check.NotNull(HiddenSizes).Select((size, layer) => Check.AtLeast(size, 1, $"{nameof(HiddenSizes)}[{layer}]"))],
        Check.Defined(Activation),
        Check.Within(Dropout, 0, 1))
    {
        Initialization = Check.NotNull(Initialization) is GaussianInitialization or OrthogonalInitialization
            ? Initialization
            : throw new ArgumentException($"{nameof(Initialization)} is of W in a deep equilibrium network. A feed-forward network starts by Gaussian or Orthogonal, or from {nameof(InitialNetwork)}.", nameof(Initialization)),
    };
}
