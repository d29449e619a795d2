using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class OptionsTests
{
    private static readonly (string Option, Action<NetworkTrainerOptions> Set, string Message)[] BadForBoth =
    [
        ("Epochs", o => o.Epochs = -1, "Epochs is -1; it must be at least 0.*"),
        ("BatchSize", o => o.BatchSize = -3, "BatchSize is -3; it must be at least 1.*"),
        ("LearningRate zero", o => o.LearningRate = 0, "LearningRate is 0; it must be positive*"),
        ("LearningRate beyond float32 in a step", o => o.LearningRate = 1e38f, "LearningRate is 1E+38; it must be at most 1E+30*"),
        ("LearningRate NaN", o => o.LearningRate = float.NaN, "LearningRate is NaN; it must be positive*"),
        ("LearningRate infinite", o => o.LearningRate = float.PositiveInfinity, "LearningRate is Infinity; it must be positive and finite*"),
        ("Initialization", o => o.Initialization = null!, "Initialization is null*"),
        ("Optimizer", o => o.Optimizer = null!, "Optimizer is null*"),
        ("WeightDecay", o => o.WeightDecay = -0.5f, "WeightDecay is -0.5; it must be at least 0*"),
        ("LearningRateSchedule", o => o.LearningRateSchedule = null!, "LearningRateSchedule is null*"),
        ("GradientClip", o => o.GradientClip = 0, "GradientClip is 0; it must be positive*"),
        ("ValidationFraction one", o => o.ValidationFraction = 1, "ValidationFraction is 1; it must be at least 0 and below 1*"),
        ("ValidationFraction negative", o => o.ValidationFraction = -0.25f, "ValidationFraction is -0.25; it must be at least 0 and below 1*"),
        ("Device", o => o.Device = "gpu", "\"gpu\" is not a device: it is \"cpu\", \"cuda\" or \"cuda:N\"*Device*"),
        ("FrozenEpochs", o => o.FrozenEpochs = -1, "FrozenEpochs is -1; it must be at least 0*"),
        ("FrozenEpochs on another engine", o => (o.FrozenEpochs, o.Engine) = (3, Engine.Simd), "FrozenEpochs is 3, and Engine is Simd*Direct*"),
        ("MaxWeightNorm", o => o.MaxWeightNorm = 0, "MaxWeightNorm is 0; it must be positive*"),
        ("Starts longer than the training", o => o.Starts = new Starts(4, 3, 2, 2), "Starts trains 3 epochs and finalists 2 more; Epochs is 4*Raise Epochs*"),
        ("Threads", o => o.Threads = 0, "Threads is 0; it must be at least 1*"),
    ];

    private static readonly (string Option, Action<DeqTrainerOptions> Set, string Message)[] BadForDeq =
    [
        ("HiddenSize", o => o.HiddenSize = 0, "HiddenSize is 0; it must be at least 1*"),
        ("Activation", o => o.Activation = (Activation)99, "Activation is 99; it must be one of ReLU*"),
        ("WellPosedness", o => o.WellPosedness = null!, "WellPosedness is null*"),
        ("Solver", o => o.Solver = null!, "Solver is null*"),
        ("Solver that the rule does not take", o => o.Solver = new PeacemanRachford(), "Solver PeacemanRachford is for a W under Monotone; WellPosedness is Spectral(0.9). Set Solver to Auto."),
        ("Dropout that the rule does not take", o => (o.WellPosedness, o.Solver, o.Dropout) = (WellPosedness.Monotone(), new Auto(), 0.5f), "*Dropout is 0.5 under Monotone(1). Set Dropout to 0."),
        ("Tolerance", o => o.Tolerance = null!, "Tolerance is null*"),
        ("ScoringTolerance", o => o.ScoringTolerance = null!, "ScoringTolerance is null*"),
        ("MaxIterations", o => o.MaxIterations = 0, "MaxIterations is 0; it must be at least 1*"),
        ("Dropout one", o => o.Dropout = 1, "Dropout is 1; it must be at least 0 and below 1*"),
        ("Dropout negative", o => o.Dropout = -0.1f, "Dropout is -0.1; it must be at least 0 and below 1*"),
        ("Gradient", o => o.Gradient = null!, "Gradient is null*"),
        ("GradientSolver without effect", o => (o.Gradient, o.GradientSolver) = (new Phantom(), new Anderson()), "GradientSolver serves the linear system of the Implicit gradient, and Gradient is Phantom*Leave GradientSolver null*"),
        ("Unrolled with another solver", o => (o.Gradient, o.Solver) = (new Unrolled(), new Anderson()), "Gradient is Unrolled, which iterates plainly, and Solver is Anderson*Set Solver to Picard*"),
        ("Unrolled with damping", o => (o.Gradient, o.Solver) = (new Unrolled(), new Picard(0.5f)), "Gradient is Unrolled, which iterates plainly, and Solver is Picard*0.5*"),
        ("Unrolled with a warm start", o => (o.Gradient, o.WarmStart) = (new Unrolled(), true), "WarmStart is true, and Gradient is Unrolled*"),
        ("A warm start without a start", o => (o.WellPosedness, o.Solver, o.WarmStart) = (WellPosedness.StrictlyTriangular, new ForwardSubstitution(), true), "WarmStart is true, and Solver is ForwardSubstitution*"),
        ("Iterates without iterates", o => (o.WellPosedness, o.Solver, o.FixedPointCorrection) = (WellPosedness.StrictlyTriangular, new ForwardSubstitution(), new FixedPointCorrection()), "FixedPointCorrection is set, and Solver is ForwardSubstitution*"),
        ("A warm start under Auto that is substitution", o => (o.WellPosedness, o.WarmStart) = (WellPosedness.StrictlyTriangular, true), "WarmStart is true, and Solver is Auto, which under StrictlyTriangular is ForwardSubstitution*Set WarmStart to false*"),
        ("Unrolled with a warm start under Auto", o => (o.WellPosedness, o.Gradient, o.WarmStart) = (WellPosedness.StrictlyTriangular, new Unrolled(), true), "WarmStart is true, and Gradient is Unrolled*"),
        ("Unrolled with substitution", o => (o.WellPosedness, o.Gradient, o.Solver) = (WellPosedness.StrictlyTriangular, new Unrolled(), new ForwardSubstitution()), "Gradient is Unrolled, which iterates plainly, and Solver is ForwardSubstitution*Set Solver to Picard*"),
        ("Cell", o => o.Cell = (DeqCell)9, "Cell is 9; it must be one of Dense*"),
        ("Cell normalised, solver", o => (o.Cell, o.Solver) = (DeqCell.LayerNormalized, new Newton()), "Solver is Newton, which does not serve a layer-normalised cell. Use Picard*"),
        ("Cell normalised, gradient's solver", o => (o.Cell, o.GradientSolver) = (DeqCell.LayerNormalized, new ForwardSubstitution()), "GradientSolver is ForwardSubstitution, which does not serve*"),
        ("Cell diagonal, skip", o => (o.Cell, o.SkipConnection) = (DeqCell.DiagonalLinear, true), "A diagonal linear cell goes with neither*"),
        ("Cell diagonal, start", o => (o.Cell, o.Initialization) = (DeqCell.DiagonalLinear, Initialization.Orthogonal()), "A diagonal linear cell goes with neither*InitialNetwork*"),
        ("Cell diagonal, starts", o => (o.Cell, o.Starts) = (DeqCell.DiagonalLinear, new Starts(2, 1)), "Starts asks for several, and a diagonal linear cell has one*"),
        ("Cell diagonal, MaxWeightNorm", o => (o.Cell, o.MaxWeightNorm) = (DeqCell.DiagonalLinear, 2), "MaxWeightNorm is 2, and Cell is DiagonalLinear*Set MaxWeightNorm to null, or use another Cell.*"),
        ("Cell normalised, kinks", o => (o.Cell, o.Initialization) = (DeqCell.LayerNormalized, Initialization.Kink()), "Initialization places kinks*layer-normalised*"),
        ("Time scales under a triangular form", o => (o.WellPosedness, o.Initialization) = (WellPosedness.StrictlyTriangular, Initialization.LogTimescales()), "Initialization sets entries of W that StrictlyTriangular forbids*"),
        ("A cascade under a diagonal form", o => (o.WellPosedness, o.Initialization) = (WellPosedness.Diagonal(), Initialization.Cascade()), "Initialization sets entries of W that Diagonal(*) forbids*"),
        ("EncoderSizes", o => o.EncoderSizes = [8, 0], "EncoderSizes?1? is 0; it must be at least 1*"),
        ("EncoderSizes null", o => o.EncoderSizes = null!, "EncoderSizes is null*"),
        ("Initialization given", o => o.Initialization = Initialization.Given(new float[9]), "Initialization gives a W of 9 values; HiddenSize 8 needs 64.*"),
    ];

    private static readonly (string Option, Action<FnnTrainerOptions> Set, string Message)[] BadForFnn =
    [
        ("Initialization triangular", o => o.Initialization = Initialization.Triangular(), "Initialization is of W in a deep equilibrium network*Gaussian, Orthogonal, Kink or Cascade*"),
        ("Initialization given", o => o.Initialization = Initialization.Given(new float[64]), "Initialization is of W in a deep equilibrium network*"),
        ("Initialization of time scales", o => o.Initialization = Initialization.LogTimescales(), "Initialization is of W in a deep equilibrium network*"),
        ("HiddenSizes", o => o.HiddenSizes = [8, 0], "HiddenSizes?1? is 0; it must be at least 1*"),
        ("HiddenSizes null", o => o.HiddenSizes = null!, "HiddenSizes is null*"),
        ("Activation", o => o.Activation = (Activation)99, "Activation is 99; it must be one of ReLU*"),
        ("Dropout one", o => o.Dropout = 1, "Dropout is 1; it must be at least 0 and below 1*"),
        ("Dropout negative", o => o.Dropout = -0.1f, "Dropout is -0.1; it must be at least 0 and below 1*"),
    ];

    private static readonly (string Option, Action<NetworkTrainerOptions> Set)[] EffectiveForBoth =
    [
        ("Epochs", o => o.Epochs = 5),
        ("BatchSize", o => o.BatchSize = 7),
        ("BatchSize full", o => o.BatchSize = int.MaxValue),
        ("LearningRate", o => o.LearningRate = 0.02f),
        ("Sgd", o => o.Optimizer = new Sgd()),
        ("Adam's epsilon", o => o.Optimizer = new Adam(epsilon: 0.1f)),
        ("Adam's beta", o => o.Optimizer = new Adam(beta1: 0.5f)),
        ("WeightDecay", o => o.WeightDecay = 0.1f),
        ("AdamW", o => (o.Optimizer, o.WeightDecay) = (new AdamW(), 0.1f)),
        ("LearningRateSchedule cosine", o => o.LearningRateSchedule = LearningRateSchedule.Cosine()),
        ("LearningRateSchedule one-cycle", o => o.LearningRateSchedule = LearningRateSchedule.OneCycle()),
        ("LearningRateSchedule plateau", o => o.LearningRateSchedule = LearningRateSchedule.ReduceOnPlateau(0.5f, 1, 0.9f)),
        ("LearningRateSchedule warm-up", o => o.LearningRateSchedule = LearningRateSchedule.Constant.WithWarmUp(0.2f)),
        ("Shuffle", o => o.Shuffle = false),
        ("GradientClip", o => (o.Optimizer, o.GradientClip) = (new Sgd(0.5f), 1e-3f)),
        ("Seed", o => o.Seed = 17),
        ("Initialization orthogonal", o => o.Initialization = Initialization.Orthogonal()),
        ("Initialization scale", o => o.Initialization = Initialization.Gaussian(0.25f)),
        ("Initialization by kinks", o => o.Initialization = Initialization.Kink()),
        ("Initialization by kinks of another spread", o => o.Initialization = Initialization.Kink(2)),
        ("Starts", o => o.Starts = new Starts(16, 1)),
        ("MaxWeightNorm", o => o.MaxWeightNorm = 0.5f),
        ("NormalizeFeatures", o => o.NormalizeFeatures = false),
        ("NormalizeLabel", o => o.NormalizeLabel = false),
        ("ValidationFraction", o => o.ValidationFraction = 0.5f),
    ];

    private static readonly (string Option, Action<DeqTrainerOptions> Set)[] EffectiveForDeq =
    [
        ("HiddenSize", o => o.HiddenSize = 9),
        ("Activation", o => o.Activation = Activation.Tanh),
        ("WellPosedness", o => o.WellPosedness = WellPosedness.Spectral(0.2f)),
        ("WellPosedness none", o => o.WellPosedness = WellPosedness.None),
        ("WellPosedness by rows", o => o.WellPosedness = WellPosedness.InfinityNorm()),
        ("WellPosedness by the Perron root", o => o.WellPosedness = WellPosedness.Perron()),
        ("WellPosedness triangular", o => o.WellPosedness = WellPosedness.StrictlyTriangular),
        ("WellPosedness diagonal", o => o.WellPosedness = WellPosedness.Diagonal()),
        ("Solver", o => o.Solver = new Anderson()),
        ("GradientSolver", o => o.GradientSolver = new Anderson()),
        ("Tolerance", o => o.Tolerance = new Tolerance(0.1)),
        ("ScoringTolerance", o => o.ScoringTolerance = new Tolerance(1e-2)),
        ("MaxIterations", o => o.MaxIterations = 2),
        ("Dropout", o => o.Dropout = 0.3f),
        ("Gradient's tolerance", o => o.Gradient = new Implicit(0.1)),
        ("Gradient's cap", o => o.Gradient = new Implicit(maxIterations: 1)),
        ("Phantom", o => o.Gradient = new Phantom(2)),
        ("OneStep", o => o.Gradient = new OneStep()),
        ("Unrolled", o => o.Gradient = new Unrolled(2)),
        ("JacobianPenalty", o => o.JacobianPenalty = new JacobianPenalty(0.5f)),
        ("FixedPointCorrection", o => o.FixedPointCorrection = new FixedPointCorrection()),
        ("WarmStart", o => o.WarmStart = true),
        ("Cell normalised", o => o.Cell = DeqCell.LayerNormalized),
        ("SkipConnection", o => o.SkipConnection = true),
        ("EncoderSizes", o => o.EncoderSizes = [5]),
        ("Initialization triangular", o => o.Initialization = Initialization.Triangular()),
        ("Initialization given", o => o.Initialization = Initialization.Given(new float[64])),
        ("Initialization by time scales", o => o.Initialization = Initialization.LogTimescales()),
        ("Activation GELU", o => o.Activation = Activation.GELU),
        ("Activation Softplus", o => o.Activation = Activation.Softplus),
    ];

    private static readonly (string Option, Action<FnnTrainerOptions> Set)[] EffectiveForFnn =
    [
        ("HiddenSizes", o => o.HiddenSizes = [8, 4]),
        ("HiddenSizes none", o => o.HiddenSizes = []),
        ("Activation GELU", o => o.Activation = Activation.GELU),
        ("Activation Softplus", o => o.Activation = Activation.Softplus),
        ("Activation", o => o.Activation = Activation.Tanh),
        ("Dropout", o => o.Dropout = 0.5f),
    ];

    public static TheoryData<TrainerCase, string> BadValues => Names(BadForBoth.Select(b => b.Option), BadForDeq.Select(b => b.Option), BadForFnn.Select(b => b.Option));

    /// <summary>The scale of a label is regression's alone.</summary>
    public static TheoryData<TrainerCase, string> Effective =>
        Names(EffectiveForBoth.Select(e => e.Option), EffectiveForDeq.Select(e => e.Option), EffectiveForFnn.Select(e => e.Option), (trainer, option) => trainer.IsRegression || option != "NormalizeLabel");

    private static readonly Dictionary<string, float[]> DefaultScores = TrainerCase.All.ToDictionary(trainer => $"{trainer}", trainer => trainer.Fit().Scores(Rows(50, 2)));

    [Theory]
    [MemberData(nameof(BadValues))]
    public void A_value_out_of_its_range_is_refused_when_the_trainer_is_made(TrainerCase trainer, string option)
    {
        var (set, message) = BadForBoth.Where(b => b.Option == option).Select(b => (b.Set, b.Message))
            .Concat(trainer.IsDeq
                ? BadForDeq.Where(b => b.Option == option).Select(b => ((Action<NetworkTrainerOptions>)(o => b.Set((DeqTrainerOptions)o)), b.Message))
                : BadForFnn.Where(b => b.Option == option).Select(b => ((Action<NetworkTrainerOptions>)(o => b.Set((FnnTrainerOptions)o)), b.Message)))
            .Single();

        FluentActions.Invoking(() => trainer.Trainer(new MLContext(1), set)).Should().Throw<ArgumentException>().WithMessage(message);
    }

    [Theory]
    [MemberData(nameof(Effective))]
    public void An_option_changes_what_is_trained(TrainerCase trainer, string option)
    {
        var set = EffectiveForBoth.Where(e => e.Option == option).Select(e => e.Set)
            .Concat(trainer.IsDeq
                ? EffectiveForDeq.Where(e => e.Option == option).Select(e => (Action<NetworkTrainerOptions>)(o => e.Set((DeqTrainerOptions)o)))
                : EffectiveForFnn.Where(e => e.Option == option).Select(e => (Action<NetworkTrainerOptions>)(o => e.Set((FnnTrainerOptions)o))))
            .Single();

        var scores = trainer.Fit(set).Scores(Rows(50, 2));

        scores.Should().OnlyContain(s => float.IsFinite(s));
        scores.Should().NotEqual(DefaultScores[$"{trainer}"]);
    }

    [Theory, AllTrainers]
    public void MaxWeightNorm_bounds_the_weights_of_the_model_where_nothing_is_normalised(TrainerCase trainer)
    {
        foreach (var engine in new[] { Engine.Simd, Engine.Torch })
        {
            var network = trainer.Fit(o => (o.Engine, o.MaxWeightNorm, o.LearningRate, o.NormalizeFeatures, o.NormalizeLabel) = (engine, 0.4f, 0.1f, false, false)).Model.Network;

            IEnumerable<(ReadOnlyMemory<float> Rows, int Length)> bounded = network is DeqNetwork deq
                ? [(deq.U, FeatureCount), (deq.B, 1), (deq.V, deq.StateSize)]
                : ((FnnNetwork)network).Layers.Select(l => (l.Weights, l.InputSize)).Append((((FnnNetwork)network).Layers[0].Bias, 1));
            foreach (var (rows, length) in bounded)
            {
                Linear.RowSums(rows.Span, length).Max().Should().BeInRange(0.2, 0.4);
            }
        }
    }

    [Fact]
    public void Values_of_starts_and_initializations_out_of_their_range_are_refused()
    {
        (Func<object> Make, string Message)[] bad =
        [
            (() => new Starts(0), "count is 0; it must be at least 1*"),
            (() => new Starts(3, 0), "epochs is 0; it must be at least 1*"),
            (() => new Starts(3, finalists: 4), "finalists is 4; it must be at most 3*"),
            (() => new Starts(3, finalists: 0), "finalists is 0; it must be at least 1*"),
            (() => new Starts(3, finalistEpochs: -1), "finalistEpochs is -1; it must be at least 0*"),
            (() => new Starts(3, finalists: 2), "finalistEpochs is 0; it must be at least 1*"),
            (() => new Starts(3, perturbation: -1), "perturbation is -1; it must be at least 0*"),
            (() => Initialization.Kink(0), "spread is 0; it must be positive*"),
            (() => Initialization.LogTimescales(0), "smallestGap is 0; it must be positive*"),
            (() => Initialization.LogTimescales(1), "smallestGap is 1; it must be at least 0 and below 1*"),
            (() => Initialization.LogTimescales(coupling: -1), "coupling is -1; it must be at least 0*"),
            (() => Initialization.Cascade(0), "minGain is 0; it must be positive*"),
            (() => Initialization.Cascade(1, 0.5f), "maxGain is 0.5; it must be at least 1*"),
            (() => Initialization.Cascade(noise: -1), "noise is -1; it must be at least 0*"),
        ];
        foreach (var (make, message) in bad)
        {
            make.Should().Throw<ArgumentOutOfRangeException>().WithMessage(message);
        }
    }

    [Theory, AllTrainers(TrainerTask.Binary, TrainerTask.Multiclass)]
    public void A_class_has_no_scale_to_normalise(TrainerCase trainer) =>
        trainer.Fit(o => o.NormalizeLabel = false).Scores(Rows(50, 2)).Bits().Should().Equal(DefaultScores[$"{trainer}"].Bits());

    [Theory, AllTrainers]
    public void A_loss_that_is_null_is_refused(TrainerCase trainer) =>
        FluentActions.Invoking(() => trainer.Trainer(new MLContext(1), o => TrainerCase.SetLoss(o, null!))).Should().Throw<ArgumentNullException>().WithMessage("Loss is null*");

    [Theory, AllTrainers]
    public void A_loss_changes_what_is_trained(TrainerCase trainer)
    {
        Loss[] losses = trainer.Task switch
        {
            TrainerTask.Regression => [RegressionLoss.Squared, RegressionLoss.Absolute, RegressionLoss.Huber(0.5f)],
            TrainerTask.Binary => [BinaryLoss.Logistic, BinaryLoss.Hinge, BinaryLoss.Focal(), BinaryLoss.Focal(1)],
            _ => [MulticlassLoss.CrossEntropy(), MulticlassLoss.CrossEntropy(0.1f), MulticlassLoss.CrossEntropy(0.2f)],
        };

        var scores = losses.Select(loss => trainer.Fit(o => TrainerCase.SetLoss(o, loss)).Scores(Rows(50, 2)).Bits()).ToArray();

        scores[0].Should().Equal(DefaultScores[$"{trainer}"].Bits(), "the first is the default");
        scores.Select(bits => string.Join(',', bits)).Should().OnlyHaveUniqueItems();
    }

    /// <summary>Each beside the one it must not be mistaken for.</summary>
    [Theory, AllTrainers]
    public void Options_that_are_alike_do_not_do_the_same(TrainerCase trainer)
    {
        int[] Weights(Action<NetworkTrainerOptions> set) => trainer.Fit(set).Model.Network.Weights().Bits();

        int[][] trained =
        [
            Weights(o => o.Optimizer = new Sgd()), Weights(o => o.Optimizer = new Sgd(0.9f)),
            Weights(o => o.WeightDecay = 0.1f), Weights(o => (o.Optimizer, o.WeightDecay) = (new AdamW(), 0.1f)), Weights(o => (o.Optimizer, o.WeightDecay) = (new AdamW(), 0.2f)),
            Weights(o => o.LearningRateSchedule = LearningRateSchedule.Cosine()), Weights(o => o.LearningRateSchedule = LearningRateSchedule.Cosine(0.5f)),
            Weights(o => o.LearningRateSchedule = LearningRateSchedule.OneCycle()), Weights(o => o.LearningRateSchedule = LearningRateSchedule.OneCycle(0.5f)),
            Weights(o => o.LearningRateSchedule = LearningRateSchedule.Cosine().WithWarmUp(0.2f)),
        ];

        trained.Select(w => string.Join(' ', w)).Should().OnlyHaveUniqueItems();
        Weights(o => o.Optimizer = new AdamW()).Should().Equal(Weights(_ => { }), "without a weight decay AdamW is Adam");
    }

    [Theory, AllTrainers]
    public void More_threads_than_processors_are_as_many_as_there_are_processors(TrainerCase trainer)
    {
        var threads = 0;
        trainer.Fit(o => (o.Engine, o.Epochs, o.Threads, o.OnEpoch) = (Engine.Torch, 1, 1000, _ => threads = TorchSharp.torch.get_num_threads()));
        threads.Should().Be(Environment.ProcessorCount);
    }

    /// <summary>On labels that say nothing of the features: what is learnt makes the validation loss worse, sooner or later.</summary>
    [Theory, AllTrainers]
    public void Early_stopping_heeds_each_of_its_options(TrainerCase trainer)
    {
        var noise = Rows(80).Zip(Rows(80, 9), (row, other) => new TrainerRow { Features = row.Features, Label = other.Label }).ToArray();
        (int Epochs, int Best, int[] Weights) With(EarlyStopping? rule)
        {
            var model = trainer.Fit(o => (o.Epochs, o.LearningRate, o.ValidationFraction, o.EarlyStopping) = (60, 0.03f, 0.3f, rule), noise).Model;
            return (model.History.Epochs.Count, model.History.BestEpoch, model.Network.Weights().Bits());
        }
        var never = With(null);
        var patient = With(new EarlyStopping(4));
        var impatient = With(new EarlyStopping(1));
        var demanding = With(new EarlyStopping(4, 0.9f));
        var last = With(new EarlyStopping(4, restoreBest: false));

        (never.Epochs, never.Best).Should().Be((60, 60));
        impatient.Epochs.Should().Be(impatient.Best + 1).And.BeLessThan(patient.Epochs);
        demanding.Epochs.Should().Be(demanding.Best + 4).And.BeLessThan(patient.Epochs);
        patient.Epochs.Should().Be(patient.Best + 4).And.BeLessThan(60);
        last.Epochs.Should().Be(patient.Epochs).And.Be(last.Best);
        last.Weights.Should().NotEqual(patient.Weights);
    }

    [Theory, AllTrainers]
    public void The_number_of_threads_does_not_change_the_function(TrainerCase trainer)
    {
        var expected = DefaultScores[$"{trainer}"];

        trainer.Fit(o => o.Threads = 2).Scores(Rows(50, 2)).LargestDifference(expected).Should().BeLessThan(1e-4 * expected.Max(Math.Abs));
    }

    [Theory, AllTrainers]
    public void Options_changed_after_the_trainer_was_made_have_no_effect(TrainerCase trainer)
    {
        var context = new MLContext(1);
        var options = trainer.Options();
        var sizes = new[] { 8 };
        if (options is FnnTrainerOptions fnn)
        {
            fnn.HiddenSizes = sizes;
        }
        var made = TrainerCase.Trainer(context, options);
        (options.Epochs, options.LearningRate, options.Seed, options.Device, options.Optimizer) = (1, 1, 99, "cuda:17", new Sgd());
        options.OnEpoch = _ => throw new InvalidOperationException("The option was read after the trainer was made.");
        (options.FeatureColumnName, options.LabelColumnName) = ("Other", "Other");
        sizes[0] = 3;
        TrainerCase.SetLoss(options, null!);
        if (options is DeqTrainerOptions deq)
        {
            deq.HiddenSize = 3;
        }

        made.Fit(trainer.View(context)).Scores(Rows(50, 2)).Bits().Should().Equal(DefaultScores[$"{trainer}"].Bits());
    }

    [Fact]
    public void A_rule_that_is_tighter_gives_a_smaller_contraction_factor()
    {
        var network = (DeqNetwork)TrainerCase.Deq.Fit(o => ((DeqTrainerOptions)o).WellPosedness = WellPosedness.Spectral(0.2f)).Model.Network;

        network.Certificate.ContractionFactor.Should().BeInRange(0.01, 0.2);
        network.Scoring.MaxIterations.Should().Be(200);
    }

    private static TheoryData<TrainerCase, string> Names(IEnumerable<string> both, IEnumerable<string> deq, IEnumerable<string> fnn, Func<TrainerCase, string, bool>? applies = null)
    {
        var data = new TheoryData<TrainerCase, string>();
        foreach (var trainer in TrainerCase.All)
        {
            foreach (var name in both.Concat(trainer.IsDeq ? deq : fnn).Where(name => applies is null || applies(trainer, name)))
            {
                data.Add(trainer, name);
            }
        }
        return data;
    }
}
