using Deq.MLNet.Training;
using Deq.MLNet.Training.Simd;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Tests.Training.Simd;

public sealed class SimdEngineTests
{
    public static TheoryData<string> Losses => [.. LossReference.All.Select(l => l.ToString()!)];

    [Theory]
    [MemberData(nameof(Losses))]
    public void Ten_epochs_are_those_of_the_engine_of_libtorch(string name)
    {
        TorchBackend.EnsureAvailable("cpu");
        var loss = LossReference.All.First(l => l.ToString() == name);
        foreach (var activation in Enum.GetValues<Activation>())
        {
            var outputs = loss is MulticlassLoss ? 3 : 1;
            // 1e-3: no step of a deviance leaves the range where float32 tells the two apart.
            var settings = Setup.Settings(new FnnArchitecture([9, 6], activation, 0)) with
            {
                Loss = loss,
                Outputs = outputs,
                Optimizer = new Sgd(0.5f),
                LearningRate = loss is PoissonLoss or TweedieLoss ? 1e-3 : 1e-2,
                WeightDecay = 1e-3,
                GradientClip = 1,
            };
            var noise = Setup.Noise(150, 4, 1, 3, weighted: true);
            var random = new Random(4);
            var rows = noise with
            {
                Targets = [.. noise.Targets.Select(t => loss switch
                {
                    MulticlassLoss => random.Next(3),
                    BinaryLoss => random.Next(2),
                    PoissonLoss or TweedieLoss => Math.Max(0, t),
                    _ => t,
                })],
            };
            var start = settings.Architecture.Initialize(4, outputs, loss.Link, new bool[4], new Random(5));

            var managed = Train(new SimdEngine(settings, start), settings, rows);
            var native = Train(new TorchEngine(settings, start, "cpu"), settings, rows);

            Setup.RelativeDistance(Linear.ToDouble(managed.Weights), Linear.ToDouble(native.Weights)).Should().BeLessThan(1e-4, "{0} with {1}", loss, activation);
            Setup.RelativeDistance(Linear.ToDouble(managed.Weights), Linear.ToDouble(start.Weights())).Should().BeGreaterThan(1e-2, "it learns");
            foreach (var (one, other) in managed.History.Epochs.Zip(native.History.Epochs))
            {
                one.TrainingLoss.Should().BeApproximately(other.TrainingLoss, 1e-4 * (1 + other.TrainingLoss));
                one.ValidationLoss!.Value.Should().BeApproximately(other.ValidationLoss!.Value, 1e-4 * (1 + other.TrainingLoss));
                one.TrainingMetric.Should().BeApproximately(other.TrainingMetric, 1e-3 * (1 + other.TrainingMetric));
                one.ValidationMetric!.Value.Should().BeApproximately(other.ValidationMetric!.Value, 1e-3 * (1 + other.TrainingMetric));
                (one with { TrainingLoss = 0, ValidationLoss = 0, TrainingMetric = 0, ValidationMetric = 0, Seconds = 0 })
                    .Should().Be(other with { TrainingLoss = 0, ValidationLoss = 0, TrainingMetric = 0, ValidationMetric = 0, Seconds = 0 });
            }
        }
    }

    /// <summary>Several blocks, a shorter last batch, clipping, dropout, an encoder's worth of layers; states too large for one part of the optimizer.</summary>
    private static (TrainingSettings Settings, TrainingData Rows, Network Start) Wide(int threads)
    {
        var settings = Setup.Settings(new FnnArchitecture([160, 110], Activation.Tanh, 0.2f)) with { Epochs = 4, BatchSize = 200, GradientClip = 0.5, WeightDecay = 1e-3, Threads = threads };
        return (settings, Setup.Noise(333, 7, 1, 3, weighted: true), settings.Architecture.Initialize(7, 1, Link.Identity, new bool[7], new Random(5)));
    }

    [Fact]
    public void Weights_and_history_are_the_same_bit_for_bit_for_any_number_of_threads()
    {
        (float[] Weights, TrainingHistory History) With(int threads)
        {
            var (settings, rows, start) = Wide(threads);
            return Train(new SimdEngine(settings, start), settings, rows);
        }
        static IEnumerable<TrainingEpoch> Untimed(TrainingHistory history) => history.Epochs.Select(e => e with { Seconds = 0 });

        var one = With(1);

        foreach (var threads in new[] { 1, 2, 3, 7 })
        {
            var several = With(threads);
            several.Weights.Should().Equal(one.Weights, "{0} threads", threads);
            Untimed(several.History).Should().Equal(Untimed(one.History), "{0} threads", threads);
        }
    }

    [Fact]
    public void A_training_that_goes_on_ends_with_the_same_bits()
    {
        var (settings, rows, start) = Wide(2);
        var whole = Train(new SimdEngine(settings, start), settings, rows);
        using var rest = new SimdEngine(settings, start);
        var state = Halfway(new SimdEngine(settings with { Epochs = 2 }, start), settings, rows);

        var history = new TrainingLoop(settings, 1, new RecordingMonitor()).Run(rest, rows, rows.Select([1, 2, 3, 77]), null, state);

        rest.ReadWeights().Should().Equal(whole.Weights);
        history.Epochs.Select(e => e with { Seconds = 0 }).Should().Equal(whole.History.Epochs.Select(e => e with { Seconds = 0 }));
    }

    [Theory, OnDevices]
    public void One_engine_goes_on_from_the_state_of_the_other(string device)
    {
        GoesOn(device, managedFirst: true);
        GoesOn(device, managedFirst: false);
    }

    private static void GoesOn(string device, bool managedFirst)
    {
        TorchBackend.EnsureAvailable(device);
        var architecture = Setup.Fnn(12, 5);
        var settings = Setup.Settings(architecture) with { Epochs = 4 };
        var rows = Setup.Noise(90, 4, 1, 3);
        var start = architecture.Initialize(4, 1, Link.Identity, new bool[4], new Random(5));
        ITrainingEngine Make(bool managed) => managed ? new SimdEngine(settings, start) : new TorchEngine(settings, start, device);
        var whole = Train(Make(managedFirst), settings, rows);
        var state = Halfway(Make(managedFirst), settings, rows);
        using var rest = Make(!managedFirst);

        new TrainingLoop(settings, 1, new RecordingMonitor()).Run(rest, rows, rows.Select([1, 2, 3, 77]), null, state);

        Setup.RelativeDistance(Linear.ToDouble(rest.ReadWeights()), Linear.ToDouble(whole.Weights)).Should().BeLessThan(1e-5);
        rest.ReadOptimizer().Steps.Should().Be(4 * 3);
    }

    private static TrainingState Halfway(ITrainingEngine engine, TrainingSettings settings, TrainingData rows)
    {
        using (engine)
        {
            var history = new TrainingLoop(settings with { Epochs = 2 }, 1, new RecordingMonitor()).Run(engine, rows, rows.Select([1, 2, 3, 77]));
            return new TrainingState(history.Epochs, engine.ReadWeights(), engine.ReadOptimizer(), null, engine.ReadStates());
        }
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 400)]
    public void A_step_allocates_next_to_nothing(int threads, long most)
    {
        var (settings, rows, start) = Wide(threads);
        using var engine = new SimdEngine(settings, start);
        engine.Attach(rows);
        engine.Order([.. Enumerable.Range(0, 200)]);
        void Steps(int count)
        {
            for (var step = 0; step < count; step++)
            {
                // Every third batch is shorter, as the last of an epoch.
                engine.Step(0, step % 3 == 0 ? 133 : 200, 1e-4);
            }
        }
        Steps(6);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Steps(30);
        ((GC.GetAllocatedBytesForCurrentThread() - before) / 30).Should().BeLessThanOrEqualTo(most);
    }

    [Fact]
    public void Arrays_of_another_length_and_a_closed_engine_are_refused()
    {
        var (settings, rows, start) = Wide(2);
        var engine = new SimdEngine(settings, start);
        var weights = engine.ReadWeights();
        engine.Invoking(e => e.LoadWeights(new float[weights.Length - 1])).Should().Throw<ArgumentException>().WithMessage($"*this training has {weights.Length}*");
        engine.ReadStates().Should().BeNull();
        engine.Invoking(e => e.LoadStates([1])).Should().Throw<ArgumentException>();
        engine.Attach(rows);
        engine.Invoking(e => e.Step([0, 333], 1)).Should().Throw<ArgumentException>("there is no such row");
        engine.ReadWeights().Should().Equal(weights);
        engine.Dispose();
        engine.Dispose();
        engine.Invoking(e => e.Step([0], 1)).Should().Throw<ObjectDisposedException>();
        engine.Invoking(e => e.Evaluate(rows, () => { })).Should().Throw<ObjectDisposedException>();
    }

    [Fact]
    public void Weights_that_are_not_finite_are_told()
    {
        var (settings, _, start) = Wide(1);
        foreach (var bad in new[] { float.NaN, float.NegativeInfinity })
        {
            using var engine = new SimdEngine(settings, start);
            engine.ReadMetrics().WeightsFinite.Should().BeTrue();
            var weights = engine.ReadWeights();
            weights[^1] = bad;
            engine.LoadWeights(weights);
            engine.ReadMetrics().WeightsFinite.Should().BeFalse();
        }
    }

    [Theory]
    [InlineData(256, 128, 8, 1)] // 256 rows of some 35,000 weights, three times two operations each, are 54 million: not yet two threads' worth.
    [InlineData(512, 128, 8, 3)]
    [InlineData(512, 128, 2, 2)] // All processors.
    [InlineData(128, 1_000, 8, 2)] // Two blocks of rows.
    [InlineData(256, 16, 8, 1)] // Too little to do.
    public void Threads_go_by_the_work_of_a_step(int rows, int size, int processors, int threads)
    {
        var architecture = new FnnArchitecture([size, size, size], Activation.ReLU, 0);
        var model = new SimdFnn(architecture, (FnnNetwork)architecture.Initialize(16, 1, Link.Identity, new bool[16], new Random(1)), 1, Deq.MLNet.Numerics.Tile.Best);
        SimdThreads.For(architecture, model, rows, processors).Should().Be(threads);
    }

    internal static (float[] Weights, TrainingHistory History) Train(ITrainingEngine engine, TrainingSettings settings, TrainingData rows)
    {
        using (engine)
        {
            var history = new TrainingLoop(settings, 1, new RecordingMonitor()).Run(engine, rows, rows.Select([1, 2, 3, 77]));
            engine.ToNetwork().Weights().Should().Equal(engine.ReadWeights());
            return (engine.ReadWeights(), history);
        }
    }
}
