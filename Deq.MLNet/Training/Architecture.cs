using Deq.MLNet.Networks;
using Deq.MLNet.Training.Initial;

namespace Deq.MLNet.Training;

/// <summary>What is trained: the shape of a network and what belongs to its kind alone.</summary>
internal abstract record Architecture(Activation Activation)
{
    /// <summary>A network with random weights for standardised features and targets.</summary>
    public Network Initialize(int features, int outputs, Link link, bool[] constantFeatures, Random random, StartColumns? rows = null) =>
        Start(null, new StartInputs(features, outputs, link, constantFeatures, random, rows));

    /// <summary>The network to start from: a random one, or one that is given, in standard units and as <see cref="Adopt"/> made it, with the units added that it lacks.</summary>
    public abstract Network Start(Network? given, StartInputs on);

    /// <summary>The network given, with this training's settings; an exception where its shape is another, but for units that can be added.</summary>
    public abstract Network Adopt(Network network);

    /// <summary>Whether an adopted network has all units of this architecture.</summary>
    public abstract bool IsWhole(Network network);

    /// <summary>For each layer of this architecture that phi follows, how many of its units an adopted network has.</summary>
    public abstract IReadOnlyList<int> UnitsOf(Network network);

    /// <summary>The outputs of the largest layer, the cell one of them.</summary>
    public abstract int LargestLayer();

    /// <summary>How the weights start.</summary>
    public Initialization Initialization { get; init; } = Initialization.Gaussian();

    /// <summary>The deviation of weights that keeps the signal is this over the root of the inputs: He et al. 2015 for ReLU, Glorot and Bengio 2010 (by inputs) for others.</summary>
    internal double SignalGain => Activation == Activation.ReLU ? Math.Sqrt(2) : 1;

    private protected static DeqException OtherKind(Network network) =>
        new($"The model to start from is a {network.GetType().Name}; this trainer makes networks of the other kind. Use the trainer that made the model, or start without it.");

    private protected static DeqException Mismatch(string what, object given, object wanted) =>
        new($"The model to start from has {what} {given}; this trainer is set to {wanted}. Set the option to {given}, or start without the model.");
}

/// <summary>A deep equilibrium network.</summary>
internal sealed record DeqArchitecture(int StateSize, Activation Activation, WellPosedness Rule, FixedPointSolver Solver, FixedPointSolver GradientSolver,
    Tolerance Tolerance, int MaxIterations, EquilibriumSettings Scoring, float Dropout = 0) : Architecture(Activation)
{
    /// <summary>How a batch's equilibria are found; in the place of <see cref="Auto"/> stands what the rule asks for.</summary>
    public FixedPointSolver Solver { get; init; } = Rule.Resolve(Solver, Activation);

    /// <summary>How the adjoint system is solved; in the place of <see cref="Auto"/> stands what the rule asks for.</summary>
    public FixedPointSolver GradientSolver { get; init; } = Rule.Resolve(GradientSolver, Activation);

    /// <summary>How the gradient passes through the equilibrium.</summary>
    public EquilibriumGradient Gradient { get; init; } = new Implicit();

    /// <summary>The form of the cell.</summary>
    public DeqCell Cell { get; init; }

    /// <summary>The outputs of every encoder layer.</summary>
    public IReadOnlyList<int> EncoderSizes { get; init; } = [];

    /// <summary>Whether there is a skip connection.</summary>
    public bool SkipConnection { get; init; }

    /// <summary>d, which for a diagonal cell is the number of features.</summary>
    public int StatesFor(int features) => Cell == DeqCell.DiagonalLinear ? features : StateSize;

    /// <summary>What is trained beside the loss, of the Jacobian; null for nothing.</summary>
    public JacobianPenalty? JacobianPenalty { get; init; }

    /// <summary>What is trained beside the loss, of iterates; null for nothing.</summary>
    public FixedPointCorrection? FixedPointCorrection { get; init; }

    /// <summary>Whether the solve of a training row starts where its last one ended.</summary>
    public bool WarmStart { get; init; }

    /// <summary>The rule's bound in training, null without one: dropout stretches what it keeps by 1 / (1 - dropout), and the stretched cell must contract too. A strictly triangular W stays one.</summary>
    public double? TrainingBound => Rule.Bound * (1 - (double)Dropout);

    /// <summary>What the norm that the rule bounds may be in training: the bound is on it times the largest slope of phi. NaN without a bound.</summary>
    public double LimitOfNorm() => TrainingBound / Activation.Lipschitz() ?? double.NaN;

    /// <summary>Whether W may have entries other than 0 on its diagonal.</summary>
    public bool HasDiagonal => Rule is not StrictlyTriangularRule;

    /// <summary>Whether a network's W obeys the rule, within the bound of training.</summary>
    public bool Keeps(DeqNetwork network)
    {
        var certificate = network.Certificate.Rule == Rule ? network.Certificate : Rule.Certify(network.W.Span, network.StateSize, Activation);
        return certificate.RuleHolds && certificate.ContractionFactor <= (TrainingBound ?? double.PositiveInfinity);
    }

    public override int LargestLayer() => EncoderSizes.Append(StateSize).Max();

    public override Network Start(Network? given, StartInputs on)
    {
        if (Cell != DeqCell.DiagonalLinear)
        {
            return given is not null && IsWhole(given) ? given : DeqStart.Make(this, (DeqNetwork?)given, on);
        }
        return given ?? (on.Outputs == 1
            ? Make(DeqNetwork.DiagonalLinear(new float[on.Features], new float[on.Features]).Weights, on.Link)
            : throw new DeqException($"A diagonal linear cell has one output; {on.Outputs} classes need as many. Use another Cell."));
    }

    public override bool IsWhole(Network network) => Cell == DeqCell.DiagonalLinear || ((DeqNetwork)network).StateSize == StateSize;

    public override IReadOnlyList<int> UnitsOf(Network network) => [.. EncoderSizes, ((DeqNetwork)network).StateSize];

    public override Network Adopt(Network network)
    {
        if (network is not DeqNetwork deq)
        {
            throw OtherKind(network);
        }
        if (Cell == DeqCell.DiagonalLinear)
        {
            return deq.IsDiagonalLinear ? Make(deq.Weights, deq.Link) : throw Mismatch("Cell", CellOf(deq), Cell);
        }
        var shape = deq.Weights.Shape;
        return 0 switch
        {
            // Of more states its own would have another mean and deviation.
            _ when deq.StateSize > StateSize || deq.StateSize < StateSize && Cell == DeqCell.LayerNormalized => throw Mismatch("HiddenSize", deq.StateSize, StateSize),
            _ when deq.Activation != Activation => throw Mismatch("Activation", deq.Activation, Activation),
            _ when CellOf(deq) != Cell => throw Mismatch("Cell", CellOf(deq), Cell),
            _ when shape.HasSkip != SkipConnection => throw Mismatch("SkipConnection", shape.HasSkip, SkipConnection),
            _ when !shape.EncoderSizes.SequenceEqual(EncoderSizes) => throw Mismatch("EncoderSizes", List(shape.EncoderSizes), List(EncoderSizes)),
            _ => Make(deq.Weights, deq.Link),
        };

        static DeqCell CellOf(DeqNetwork network) => network.Gain.IsEmpty ? DeqCell.Dense : DeqCell.LayerNormalized;
        static string List(IEnumerable<int> sizes) => $"[{string.Join(", ", sizes)}]";
    }

    /// <summary>A network of this architecture.</summary>
    public DeqNetwork Make(DeqWeights weights, Link link) => new(weights, Activation, link, Scoring, Rule);
}

/// <summary>A feed-forward network.</summary>
internal sealed record FnnArchitecture(IReadOnlyList<int> HiddenSizes, Activation Activation, float Dropout) : Architecture(Activation)
{
    public override int LargestLayer() => HiddenSizes.DefaultIfEmpty(1).Max();

    public override Network Start(Network? given, StartInputs on) => given is not null && IsWhole(given) ? given : FnnStart.Make(this, (FnnNetwork?)given, on);

    public override bool IsWhole(Network network) => UnitsOf(network).SequenceEqual(HiddenSizes);

    public override IReadOnlyList<int> UnitsOf(Network network)
    {
        var layers = ((FnnNetwork)network).Layers;
        return [.. HiddenSizes.Select((_, i) => i < layers.Count - 1 ? layers[i].OutputSize : 0)];
    }

    public override Network Adopt(Network network)
    {
        if (network is not FnnNetwork fnn)
        {
            throw OtherKind(network);
        }
        int[] sizes = [.. fnn.Layers.SkipLast(1).Select(l => l.OutputSize)];
        if (sizes.Length > HiddenSizes.Count || sizes.Zip(HiddenSizes).Any(pair => pair.First > pair.Second))
        {
            throw Mismatch("HiddenSizes", string.Join(", ", sizes), string.Join(", ", HiddenSizes));
        }
        return fnn.Activation == Activation ? fnn : throw Mismatch("Activation", fnn.Activation, Activation);
    }
}
