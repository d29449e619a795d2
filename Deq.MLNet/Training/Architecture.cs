using Deq.MLNet.Networks;

namespace Deq.MLNet.Training;

/// <summary>What is trained: the shape of a network and what belongs to its kind alone.</summary>
internal abstract record Architecture(Activation Activation)
{
    /// <summary>A network with random weights for standardised features and targets.</summary>
    public abstract Network Initialize(int features, int outputs, Link link, bool[] constantFeatures, Random random);

    /// <summary>The network given, with this training's settings; an exception where its shape is another.</summary>
    public abstract Network Adopt(Network network);

    /// <summary>Normal deviates; the columns of constant features, which carry no information, are zero.</summary>
    internal static float[] Normal(Random random, int rows, int columns, double deviation, bool[]? zeroColumns = null)
    {
        var values = new float[checked(rows * columns)];
        for (var i = 0; i < values.Length; i++)
        {
            // Box and Muller, 1958; 1 - u lies in (0, 1].
            var value = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            values[i] = zeroColumns is not null && zeroColumns[i % columns] ? 0 : (float)(deviation * value);
        }
        return values;
    }

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
    public FixedPointSolver Solver { get; init; } = Natural(Solver, Rule, Activation);

    /// <summary>How the adjoint system is solved; in the place of <see cref="Auto"/> stands what the rule asks for.</summary>
    public FixedPointSolver GradientSolver { get; init; } = Natural(GradientSolver, Rule, Activation);

    /// <summary>How the gradient passes through the equilibrium.</summary>
    public EquilibriumGradient Gradient { get; init; } = new Implicit();

    /// <summary>What is trained beside the loss, of the Jacobian; null for nothing.</summary>
    public JacobianPenalty? JacobianPenalty { get; init; }

    /// <summary>What is trained beside the loss, of iterates; null for nothing.</summary>
    public FixedPointCorrection? FixedPointCorrection { get; init; }

    /// <summary>Whether the solve of a training row starts where its last one ended.</summary>
    public bool WarmStart { get; init; }

    /// <summary>The rule's bound in training, null without one: dropout stretches what it keeps by 1 / (1 - dropout), and the stretched cell must contract too. A strictly triangular W stays one.</summary>
    public double? TrainingBound => Rule.Bound * (1 - (double)Dropout);

    /// <summary>Whether a network's W obeys the rule, within the bound of training.</summary>
    public bool Keeps(DeqNetwork network)
    {
        var certificate = network.Certificate.Rule == Rule ? network.Certificate : Rule.Certify(network.W.Span, network.StateSize, Activation);
        return certificate.RuleHolds && certificate.ContractionFactor <= (TrainingBound ?? double.PositiveInfinity);
    }

    public override Network Initialize(int features, int outputs, Link link, bool[] constantFeatures, Random random)
    {
        var w = InitialMatrix.For(this, random);
        var u = Normal(random, StateSize, features, 1 / Math.Sqrt(features), constantFeatures);
        var b = Normal(random, StateSize, 1, 0.5);
        var v = Normal(random, outputs, StateSize, 1 / Math.Sqrt(StateSize));
        return Make(new DeqWeights(w, u, b, v, new float[outputs]), link);
    }

    public override Network Adopt(Network network) => network switch
    {
        not DeqNetwork => throw OtherKind(network),
        DeqNetwork deq when deq.StateSize != StateSize => throw Mismatch("HiddenSize", deq.StateSize, StateSize),
        DeqNetwork deq when deq.Activation != Activation => throw Mismatch("Activation", deq.Activation, Activation),
        DeqNetwork deq => Make(deq.Weights, deq.Link),
    };

    private static FixedPointSolver Natural(FixedPointSolver solver, WellPosedness rule, Activation activation) => solver is Auto ? rule.NaturalSolver(activation) : solver;

    /// <summary>A network of this architecture.</summary>
    public DeqNetwork Make(DeqWeights weights, Link link) => new(weights, Activation, link, Scoring, Rule);
}

/// <summary>A feed-forward network.</summary>
internal sealed record FnnArchitecture(IReadOnlyList<int> HiddenSizes, Activation Activation, float Dropout) : Architecture(Activation)
{
    public override Network Initialize(int features, int outputs, Link link, bool[] constantFeatures, Random random)
    {
        // He et al. 2015 for ReLU, Glorot and Bengio 2010 (by inputs) for tanh; the last layer as for a linear one.
        var gain = Activation == Activation.ReLU ? Math.Sqrt(2) : 1;
        var layers = new List<DenseLayer>();
        var inputs = features;
        foreach (var size in HiddenSizes)
        {
            layers.Add(new DenseLayer(Normal(random, size, inputs, gain / Math.Sqrt(inputs), layers.Count == 0 ? constantFeatures : null), new float[size]));
            inputs = size;
        }
        layers.Add(new DenseLayer(Normal(random, outputs, inputs, 1 / Math.Sqrt(inputs), layers.Count == 0 ? constantFeatures : null), new float[outputs]));
        return new FnnNetwork(layers, Activation, link);
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
