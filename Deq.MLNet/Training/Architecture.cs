using Deq.MLNet.Networks;

namespace Deq.MLNet.Training;

/// <summary>What is trained: the shape of a network and what belongs to its kind alone.</summary>
internal abstract record Architecture(Activation Activation)
{
    /// <summary>A network with random weights for standardised features and targets.</summary>
    public abstract Network Initialize(int features, int outputs, Link link, bool[] constantFeatures, Random random);

    /// <summary>The network given, with this training's settings; an exception where its shape is another.</summary>
    public abstract Network Adopt(Network network);

    /// <summary>The outputs of the largest layer, the cell one of them.</summary>
    public abstract int LargestLayer();

    /// <summary>How the weights start.</summary>
    public Initialization Initialization { get; init; } = Initialization.Gaussian();

    /// <summary>The deviation of weights that keeps the signal is this over the root of the inputs: He et al. 2015 for ReLU, Glorot and Bengio 2010 (by inputs) for others.</summary>
    private protected double SignalGain => Activation == Activation.ReLU ? Math.Sqrt(2) : 1;

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

    public override Network Initialize(int features, int outputs, Link link, bool[] constantFeatures, Random random)
    {
        if (Cell == DeqCell.DiagonalLinear)
        {
            return outputs == 1
                ? Make(DeqNetwork.DiagonalLinear(new float[features], new float[features]).Weights, link)
                : throw new DeqException($"A diagonal linear cell has one output; {outputs} classes need as many. Use another Cell.");
        }
        var w = InitialWeights.OfCell(this, random);
        var encoded = EncoderSizes.Count > 0 ? EncoderSizes[^1] : features;
        var u = InitialWeights.Normal(random, StateSize, encoded, 1 / Math.Sqrt(encoded), EncoderSizes.Count > 0 ? null : constantFeatures);
        var b = InitialWeights.Normal(random, StateSize, 1, 0.5);
        var v = InitialWeights.Normal(random, outputs, StateSize, 1 / Math.Sqrt(StateSize));
        var encoder = new List<DenseLayer>();
        foreach (var size in EncoderSizes)
        {
            var inputs = encoder.Count > 0 ? encoder[^1].OutputSize : features;
            encoder.Add(new DenseLayer(InitialWeights.Normal(random, size, inputs, SignalGain / Math.Sqrt(inputs), encoder.Count > 0 ? null : constantFeatures), new float[size]));
        }
        var normalized = Cell == DeqCell.LayerNormalized;
        return Make(new DeqWeights(w, u, b, v, new float[outputs])
        {
            Encoder = encoder,
            S = SkipConnection ? new float[outputs * features] : null,
            Gain = normalized ? [.. Enumerable.Repeat(1f, StateSize)] : null,
            Shift = normalized ? new float[StateSize] : null,
        }, link);
    }

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
            _ when deq.StateSize != StateSize => throw Mismatch("HiddenSize", deq.StateSize, StateSize),
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

    public override Network Initialize(int features, int outputs, Link link, bool[] constantFeatures, Random random)
    {
        var layers = new List<DenseLayer>();
        var inputs = features;
        foreach (var size in HiddenSizes)
        {
            layers.Add(Layer(size, SignalGain));
            inputs = size;
        }
        // The last as for a linear one.
        layers.Add(Layer(outputs, 1));
        return new FnnNetwork(layers, Activation, link);

        DenseLayer Layer(int size, double gain) => new(InitialWeights.OfLayer(Initialization, random, size, inputs, gain, layers.Count == 0 ? constantFeatures : null), new float[size]);
    }

    public override Network Adopt(Network network)
    {
        if (network is not FnnNetwork fnn)
        {
            throw OtherKind(network);
        }
        var sizes = fnn.Layers.SkipLast(1).Select(l => l.OutputSize);
        if (!sizes.SequenceEqual(HiddenSizes))
        {
            throw Mismatch("HiddenSizes", string.Join(", ", sizes), string.Join(", ", HiddenSizes));
        }
        return fnn.Activation == Activation ? fnn : throw Mismatch("Activation", fnn.Activation, Activation);
    }
}
