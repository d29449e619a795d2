using CsCheck;
using Deq.MLNet.Numerics;
using Deq.MLNet.Tests.Training.Torch.Gradients;
using Deq.MLNet.Training.Simd;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Tests.Training.Simd;

public sealed class SimdDeqTests
{
    private const int Cells = 25;

    private static readonly Dictionary<string, (EquilibriumGradient Rule, FixedPointSolver? Solver, Func<double[], double[], double[], double[]>? Adjoint)> Rules = new()
    {
        ["Implicit"] = (new Implicit(), null, null),
        ["Implicit by Anderson"] = (new Implicit(), new Anderson(), null),
        ["Implicit by Auto"] = (new Implicit(), new Auto(), null),
        ["Implicit by damped steps"] = (new Implicit(), new Picard(0.7f), null),
        ["Phantom"] = (new Phantom(), null, Neumann(5, 0.5)),
        ["Phantom of 12 steps"] = (new Phantom(12, 0.8f), null, Neumann(12, 0.8f)),
        ["OneStep"] = (new OneStep(), null, (_, slope, g) => [.. slope.Zip(g, (s, v) => s * v)]),
    };

    public static TheoryData<string> RuleNames => [.. Rules.Keys];

    /// <summary>On states of all sizes about a panel and a tile, with each form of vectors.</summary>
    [Theory]
    [MemberData(nameof(RuleNames))]
    public void Every_rule_gives_its_own_closed_form(string name)
    {
        var (rule, solver, adjoint) = Rules[name];
        (from c in Gen.OneOf(GradientCase.UpTo(24), GradientCase.UpTo(70)) from form in Gen.Enum<VectorForm>() select (c, form)).Sample(t =>
        {
            var (c, form) = t;
            var reference = adjoint is null ? c.Reference() : c.Reference() with { Adjoint = adjoint };
            using var engine = new SimdEngine(Setup.Settings(c.Architecture(rule, 1e-7, solver) with { Solver = solver ?? new Picard() }), c.Network, form);
            engine.Attach(c.Data);

            var gradient = engine.Gradient([.. Enumerable.Range(0, c.Data.Rows)]);
            var metrics = engine.ReadMetrics();

            Setup.RelativeDistance(gradient, reference.Gradient(c.Parameters)).Should().BeLessThan(1e-4);
            metrics.Training.Loss.Should().BeApproximately(reference.Loss(c.Parameters), 1e-4 * metrics.Training.Loss);
            (metrics.UnsolvedRows, metrics.UnsolvedGradientRows).Should().Be((0, 0));
        }, iter: LongForm.Times(Cells), threads: 1);
    }

    [Fact]
    public void An_encoder_and_a_skip_connection_have_their_gradients_too() =>
        (from states in Gen.Int[1, 40]
         from encoder in Gen.OneOfConst<int[]>([], [5], [9, 33])
         from skip in Gen.Bool
         from outputs in Gen.OneOfConst(1, 3, 9)
         from activation in Gen.OneOfConst(Activation.Tanh, Activation.GELU, Activation.Softplus)
         from seed in Gen.Int[0, 1_000_000]
         select (states, encoder, skip, outputs, activation, seed)).Sample(t =>
        {
            var data = Setup.Noise(11, 4, t.outputs, t.seed, weighted: true);
            var architecture = Setup.Deq(t.states, t.activation, tolerance: 1e-7) with { EncoderSizes = t.encoder, SkipConnection = t.skip };
            var start = (DeqNetwork)architecture.Initialize(4, t.outputs, Link.Identity, new bool[4], new Random(t.seed));
            var reference = new DeqGradient(start.Weights.Shape, t.activation, data);
            var weights = Linear.ToDouble(start.Weights());
            using var engine = new SimdEngine(Setup.Settings(architecture) with { Outputs = t.outputs }, start);
            engine.Attach(data);

            var gradient = engine.Gradient([.. Enumerable.Range(0, data.Rows)]);

            Setup.RelativeDistance(gradient, reference.Gradient(weights)).Should().BeLessThan(1e-4);
        }, iter: LongForm.Times(Cells), threads: 1);

    public static TheoryData<Activation> Activations => [.. Enum.GetValues<Activation>()];

    [Theory, AmongDevices]
    [MemberData(nameof(Activations))]
    public void Ten_epochs_are_those_of_the_engine_of_libtorch(Activation activation)
    {
        foreach (var solver in new FixedPointSolver[] { new Picard(), new Anderson(), new Auto() })
        {
            var architecture = Setup.Deq(17, activation, WellPosedness.Spectral(solver is Auto ? 0.95f : 0.4f), solver, tolerance: 1e-6) with { WarmStart = solver is Auto };
            var settings = Setup.Settings(architecture) with { Optimizer = new Sgd(0.5f), BatchSize = 32 };
            var rows = Setup.Smooth(150, 3, weighted: true);
            var start = settings.Architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(5));

            var managed = SimdEngineTests.Train(new SimdEngine(settings, start), settings, rows);
            Setup.RelativeDistance(Linear.ToDouble(managed.Weights), Linear.ToDouble(start.Weights())).Should().BeGreaterThan(1e-2, "it learns");
            foreach (var device in TrainingDevices.Names)
            {
                var native = SimdEngineTests.Train(new TorchEngine(settings, start, TorchBackend.EnsureAvailable(device)), settings, rows);
                Setup.RelativeDistance(Linear.ToDouble(managed.Weights), Linear.ToDouble(native.Weights)).Should().BeLessThan(1e-4, "{0} by {1} on {2}", activation, solver, device);
                foreach (var (one, other) in managed.History.Epochs.Zip(native.History.Epochs))
                {
                    one.TrainingLoss.Should().BeApproximately(other.TrainingLoss, 1e-4 * (1 + other.TrainingLoss));
                    one.ValidationLoss!.Value.Should().BeApproximately(other.ValidationLoss!.Value, 1e-4 * (1 + other.TrainingLoss));
                    one.ContractionBound.Should().BeApproximately(other.ContractionBound, 1e-4);
                    (one.UnsolvedRows, one.UnsolvedGradientRows).Should().Be((0, 0));
                }
            }
        }
    }

    /// <summary>W is lower triangular and far from a contraction: plain iteration would not do.</summary>
    [Theory]
    [InlineData(Activation.ReLU, 0.3)]
    [InlineData(Activation.LeakyReLU, -0.8)]
    [InlineData(Activation.Tanh, 0)]
    public void Substitution_solves_triangular_cells_and_their_adjoint(Activation activation, double diagonal)
    {
        var random = new Random(2);
        const int Size = 37;
        var w = new float[Size * Size];
        for (var i = 0; i < w.Length; i++)
        {
            var (row, column) = (i / Size, i % Size);
            w[i] = row > column ? (float)(random.NextDouble() - 0.5) : row == column ? (float)diagonal : 0;
        }
        var c = new GradientCase(Size, 3, 1, 0.5, activation, false, 7);
        var network = c.Network;
        var cell = new DeqNetwork(network.Weights with { W = w }, activation, Link.Identity, new EquilibriumSettings(), WellPosedness.None);
        var architecture = c.Architecture(new Implicit(), 1e-6, new ForwardSubstitution()) with { Solver = new ForwardSubstitution() };
        using var engine = new SimdEngine(Setup.Settings(architecture), cell);
        engine.Attach(c.Data);

        var gradient = engine.Gradient([.. Enumerable.Range(0, c.Data.Rows)]);

        Setup.RelativeDistance(gradient, c.Reference().Gradient(Linear.ToDouble(cell.Weights()))).Should().BeLessThan(1e-4);
        engine.ReadMetrics().WorstIterations.Should().BeLessThan(4);
    }

    private static Func<double[], double[], double[], double[]> Neumann(int steps, double damping) => GradientRuleTests.Neumann(steps, damping);
}
