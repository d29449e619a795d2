using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;
using AnyArchitecture = Deq.MLNet.Training.Architecture;

namespace Deq.MLNet.Tests.Training.Torch;

/// <summary>How often a whole step of a training waits for a device: in solves alone, and about twice in each, once it is known how long they take. Here two unlike batches take turns.</summary>
public sealed class StepReadsTests
{
    private const int Size = 12, Features = 4, Rows = 64, Batch = 32;

    private static readonly DeqArchitecture Plain = Setup.Deq(Size, Activation.ReLU, WellPosedness.Spectral(0.8f));

    public static TheoryData<string> Names { get; } = [.. Architectures.Keys];

    /// <summary>Every part that a step may have.</summary>
    private static Dictionary<string, AnyArchitecture> Architectures
    {
        get
        {
            var all = new Dictionary<string, AnyArchitecture>
            {
                ["dropout"] = Plain with { Rule = WellPosedness.Spectral(0.8f), Dropout = 0.2f },
                ["warm start"] = Plain with { WarmStart = true },
                ["skip and encoder"] = Plain with { SkipConnection = true, EncoderSizes = [7, 5] },
                ["layer norm"] = Setup.Deq(Size, Activation.Tanh, WellPosedness.Spectral(0.1f)) with { Cell = DeqCell.LayerNormalized },
                ["penalty"] = Setup.Deq(Size, Activation.Tanh, WellPosedness.Spectral(0.8f)) with { JacobianPenalty = new JacobianPenalty(0.1f, 2) },
                ["correction"] = Plain with { FixedPointCorrection = new FixedPointCorrection() },
                ["phantom"] = Plain with { Gradient = new Phantom() },
                ["one step"] = Plain with { Gradient = new OneStep() },
                ["unrolled"] = Plain with { Gradient = new Unrolled(5) },
                ["infinity norm"] = Setup.Deq(Size, Activation.ReLU, WellPosedness.InfinityNorm(0.8f)),
                ["Perron"] = Setup.Deq(Size, Activation.ReLU, WellPosedness.Perron(0.8f)),
                ["no rule"] = Setup.Deq(Size, Activation.ReLU, WellPosedness.None) with { Initialization = Initialization.Gaussian(0.3f) },
                ["triangular"] = Setup.Deq(Size, Activation.Tanh, WellPosedness.StrictlyTriangular, new ForwardSubstitution(), new ForwardSubstitution()),
                ["Anderson"] = Setup.Deq(Size, Activation.ReLU, WellPosedness.Spectral(0.8f), new Anderson(), new Anderson()),
                ["Auto"] = Setup.Deq(Size, Activation.ReLU, WellPosedness.Spectral(0.8f), new Auto(), new Auto()),
                ["FNN"] = Setup.Fnn(9, 7) with { Dropout = 0.3f },
            };
            foreach (var activation in Enum.GetValues<Activation>())
            {
                all[$"{activation}"] = Setup.Deq(Size, activation, WellPosedness.Spectral(0.7f));
            }
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_step_reads_in_its_solves_alone_and_about_twice_in_each(string name)
    {
        var architecture = Architectures[name];
        using var engine = Engine(architecture);
        engine.BeginEpoch(1);
        var reads = Steps(engine, 12);
        // Forward and adjoint.
        var solves = architecture is FnnArchitecture ? 0 : architecture is DeqArchitecture { Gradient: Implicit } ? 2 : 1;
        reads[^6..].Average().Should().BeLessThanOrEqualTo(2.5 * solves, $"{name}: {string.Join(' ', reads)}");
        reads[^6..].Should().OnlyContain(r => r <= 4 * solves);
        reads[0].Should().BeGreaterThanOrEqualTo(solves);
    }

    /// <summary>Its Cholesky flag is one number, which a step has to ask for.</summary>
    [Fact]
    public void The_monotone_rule_costs_a_step_one_read_more()
    {
        using var engine = Engine(Setup.Deq(Size, Activation.ReLU, WellPosedness.Monotone(0.5f), new PeacemanRachford(), new PeacemanRachford()));
        engine.BeginEpoch(1);
        Steps(engine, 12)[^6..].Average().Should().BeLessThanOrEqualTo(6);
    }

    /// <summary>With bfloat16 the coarse start of a solve is tested as the solve is.</summary>
    [Fact]
    public void A_coarse_start_costs_at_most_two_reads_more()
    {
        using var engine = Engine(Plain, MatmulPrecision.BFloat16);
        engine.BeginEpoch(1);
        Steps(engine, 12)[^6..].Average().Should().BeLessThanOrEqualTo(8);
    }

    [Fact]
    public void The_time_of_reads_is_counted()
    {
        using var engine = Engine(Plain);
        var before = DeviceReads.Waited;
        Steps(engine, 1);
        var waited = DeviceReads.Waited - before;
        waited.Should().BePositive();
        DeviceReads.Waited.Should().Be(before + waited, "nothing was read since");
    }

    [Fact]
    public void A_probe_is_told_of_every_part_in_turn()
    {
        TorchBackend.EnsureAvailable();
        var probe = new Recorder();
        using var engine = new TorchEngine(Setup.Settings(Plain), Plain.Initialize(Features, 1, Link.Identity, new bool[Features], new Random(1)), TensorPlace.On("cpu") with { Probe = probe });
        engine.Attach(Setup.Noise(Rows, Features, 1, 3));
        Steps(engine, 1);
        probe.Phases.Where(p => p is not (StepPhase.Gather or StepPhase.Optimizer)).Should().Equal(StepPhase.Solve, StepPhase.ReadOut, StepPhase.Gradients, StepPhase.Adjoint, StepPhase.Gradients);
    }

    /// <summary>Reads of each of some steps.</summary>
    private static long[] Steps(TorchEngine engine, int steps)
    {
        engine.Order([.. Enumerable.Range(0, Rows)]);
        return [.. Enumerable.Range(0, steps).Select(step =>
        {
            var before = DeviceReads.Count;
            engine.Step(step * Batch % Rows, Batch, 1e-4);
            return DeviceReads.Count - before;
        })];
    }

    private static TorchEngine Engine(AnyArchitecture architecture, MatmulPrecision precision = MatmulPrecision.Float32)
    {
        TorchBackend.EnsureAvailable();
        var engine = new TorchEngine(Setup.Settings(architecture) with { MatmulPrecision = precision },
            architecture.Initialize(Features, 1, Link.Identity, new bool[Features], new Random(1)), new TensorPlace(CPU, ScalarType.Float32) { JudgesRows = true });
        engine.Attach(Setup.Noise(Rows, Features, 1, 3));
        return engine;
    }

    private sealed class Recorder : IStepProbe
    {
        public List<StepPhase> Phases { get; } = [];

        public void Ended(StepPhase phase) => Phases.Add(phase);
    }
}
