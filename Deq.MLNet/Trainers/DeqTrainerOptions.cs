using Deq.MLNet.Errors;
using Deq.MLNet.Trainers.Scoring;
using Deq.MLNet.Training;

namespace Deq.MLNet;

/// <summary>What the trainers of deep equilibrium networks have in common.</summary>
public abstract class DeqTrainerOptions : NetworkTrainerOptions
{
    /// <summary>d, the number of states, at least 1; default 64.</summary>
    public int HiddenSize = 64;

    /// <summary>phi of the cell; default ReLU.</summary>
    public Activation Activation = Activation.ReLU;

    /// <summary>The rule that W obeys at every epoch's end; default Spectral(0.9), which steps keep by a close estimate. A solver, activation or dropout that does not fit it is refused when the trainer is made, with what would fit.</summary>
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

    /// <summary>What a scored row gets whose equilibrium is not found within <see cref="MaxIterations"/>; default its best iterate. Throw also stops a training at the end of the first epoch with such rows. Saved with the model. A row at the precision of float32 counts as found.</summary>
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

    private protected override Architecture ToArchitecture() => OptionChecks.Check(Options(), Solver, GradientSolver);

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
        Cell = Check.Defined(Cell),
        SkipConnection = SkipConnection,
        EncoderSizes = [.. Check.NotNull(EncoderSizes).Select((size, layer) => Check.AtLeast(size, 1, $"{nameof(EncoderSizes)}[{layer}]"))],
        Initialization = Check.NotNull(Initialization),
        Gradient = Check.NotNull(Gradient),
        JacobianPenalty = JacobianPenalty,
        FixedPointCorrection = FixedPointCorrection,
        WarmStart = WarmStart,
    };
}
