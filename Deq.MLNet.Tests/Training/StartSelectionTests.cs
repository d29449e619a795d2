using Deq.MLNet.Training;
using Deq.MLNet.Training.Initial;
using Deq.MLNet.Training.Simd;

namespace Deq.MLNet.Tests.Training;

/// <summary>Several starts, of which the best goes on.</summary>
public sealed class StartSelectionTests
{
    private static readonly TrainingData Data = Setup.Smooth(96, 5), Validation = Setup.Smooth(64, 6);

    private static readonly TrainingSettings Settings = Setup.Settings(Setup.Fnn(6)) with { Epochs = 8 };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_best_by_validation_loss_or_else_by_training_loss_goes_on(bool validates)
    {
        var alone = Enumerable.Range(0, 6).Select(number => Alone(number, 3, validates)).ToArray();
        var best = Array.IndexOf(alone, alone.Min());
        var monitor = new RecordingMonitor();

        var chosen = Fit(Settings with { Starts = new Starts(6, epochs: 3) }, validates ? Validation : null, monitor);

        alone.Should().OnlyHaveUniqueItems();
        monitor.Infos.Should().ContainSingle(i => i.StartsWith($"Start {best + 1} of 6 goes on, with the {(validates ? "validation" : "training")} loss {alone[best].ToString("G6", System.Globalization.CultureInfo.InvariantCulture)} after 3 epochs"));
        // What goes on is the training of that start, as if it had been alone.
        chosen.Network.Weights().Should().Equal(WeightsAlone(best, validates));
        chosen.History.Epochs.Should().HaveCount(8);
        monitor.Epochs.Select(e => e.Epoch).Should().Equal(1, 2, 3, 4, 5, 6, 7, 8);
    }

    [Fact]
    public void Finalists_are_trained_further_before_the_best_is_taken()
    {
        var early = Enumerable.Range(0, 6).Select(number => Alone(number, 1, false)).ToArray();
        var finalists = Enumerable.Range(0, 6).OrderBy(n => early[n]).Take(3).ToArray();
        var best = finalists.MinBy(n => Alone(n, 6, false));
        var monitor = new RecordingMonitor();

        var chosen = Fit(Settings with { Starts = new Starts(6, epochs: 1, finalists: 3, finalistEpochs: 5) }, null, monitor);

        chosen.Network.Weights().Should().Equal(WeightsAlone(best, false));
        monitor.Infos.Should().ContainSingle(i => i.StartsWith($"Start {best + 1} of 6 goes on") && i.Contains("after 6 epochs"));
    }

    [Fact]
    public void One_start_is_the_same_as_none()
    {
        Fit(Settings with { Starts = new Starts(1, epochs: 3) }, null).Network.Weights().Should().Equal(Fit(Settings, null).Network.Weights());
        Fit(Settings with { Starts = new Starts(2, epochs: 3) }, null).History.Seed.Should().Be(Settings.Seed);
    }

    [Fact]
    public void A_start_that_diverges_is_out_and_where_all_do_the_exception_is_theirs()
    {
        var made = 0;
        // All engines but the third run away in their second epoch; that of the winner is the last.
        TrainedNetwork Run(Func<int, bool> diverges)
        {
            made = 0;
            return NetworkTraining.Fit(Settings with { Starts = new Starts(4, epochs: 3) }, (_, _) =>
            {
                var number = made++;
                return new FakeEngine { Finite = epoch => !diverges(number) || epoch < 2 };
            }, Setup.Noise(10, 1, 1, 1), null, null, new RecordingMonitor());
        }

        Run(number => number is 0 or 1 or 3).History.Epochs.Should().HaveCount(8);
        made.Should().Be(5);
        FluentActions.Invoking(() => Run(_ => true)).Should().Throw<DivergenceException>().WithMessage("Training diverged in epoch 2*");
    }

    [Fact]
    public void Where_all_finalists_diverge_the_best_goes_on_from_before()
    {
        var (made, monitor) = (0, new RecordingMonitor());
        // Four starts, two finalists that run away, and the winner again.
        var trained = NetworkTraining.Fit(Settings with { Starts = new Starts(4, epochs: 2, finalists: 2, finalistEpochs: 2) }, (_, _) =>
        {
            var number = made++;
            return new FakeEngine { Finite = _ => number is not (4 or 5), ValidationLoss = _ => number == 2 ? 1 : 2 };
        }, Setup.Noise(10, 1, 1, 1), Setup.Noise(10, 1, 1, 2), null, monitor);

        trained.History.Epochs.Should().HaveCount(8);
        made.Should().Be(7);
        monitor.Infos.Should().ContainSingle().Which.Should().StartWith("Start 3 of 4 goes on").And.Contain("after 2 epochs");
    }

    [Fact]
    public void Slow_states_stay_slow_under_a_perturbation()
    {
        var gap = MathF.ScaleB(1, -20);
        var network = new DeqNetwork([1 - gap, 0, 0.25f, -0.5f], [1, 1], [0, 0], [1, 1], [0], Activation.ReLU, rule: WellPosedness.InfinityNorm(1 - gap / 2));
        var starts = new List<DeqNetwork>();
        NetworkTraining.Fit(Setup.Settings(Setup.Deq(2, Activation.ReLU, WellPosedness.InfinityNorm(1 - gap / 2))) with { Starts = new Starts(20, 1, perturbation: 0.2f), NormalizeFeatures = false, NormalizeTargets = false }, (_, start) =>
        {
            starts.Add((DeqNetwork)start);
            return new FakeEngine();
        }, Setup.Noise(10, 1, 1, 1), null, network, new RecordingMonitor());

        var w = starts.Skip(1).Take(19).Select(s => s.W.ToArray()).ToArray();
        w.Should().OnlyContain(v => (1 - v[0]) / gap > 0.1 && (1 - v[0]) / gap < 2 && v[1] == 0);
        w.Select(v => v[0]).Distinct().Should().HaveCountGreaterThan(1);
        w.Select(v => v[2]).Should().OnlyHaveUniqueItems();
        w.Select(v => v[3]).Should().OnlyHaveUniqueItems().And.OnlyContain(v => Math.Abs(v + 0.5) < 0.5);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 2)]
    public void Where_early_stopping_restores_the_best_epoch_it_is_that_one_s_loss_that_counts(bool stopsEarly, int best)
    {
        var scripts = new Func<int, double>[] { epoch => epoch == 2 ? 0.5 : 5, epoch => 1 - 0.1 * epoch };
        var (made, monitor) = (0, new RecordingMonitor());
        NetworkTraining.Fit(Settings with { Starts = new Starts(2, epochs: 3), EarlyStopping = stopsEarly ? new EarlyStopping(20) : null }, (_, _) => new FakeEngine { ValidationLoss = scripts[made++ % 2] },
            Setup.Noise(10, 1, 1, 1), Setup.Noise(10, 1, 1, 2), null, monitor);

        monitor.Infos.Should().ContainSingle().Which.Should().StartWith($"Start {best} of 2 goes on");
    }

    [Fact]
    public void A_training_with_a_checkpoint_keeps_the_chosen_one_alone_and_goes_on_with_it()
    {
        var settings = Settings with { Starts = new Starts(4, epochs: 3) };
        var whole = Fit(settings, null);
        var memory = new Kept();
        var engines = 0;
        RecordingMonitor monitor = null!;
        TrainedNetwork Run(int cancelAt) => NetworkTraining.Fit(settings, (s, start) =>
        {
            engines++;
            return new SimdEngine(s, start);
        }, Setup.Copy(Data), null, null, monitor = new RecordingMonitor(cancelAt), memory);

        // Of the selection three batches an epoch and an evaluation a start; then two epochs more.
        FluentActions.Invoking(() => Run(4 * (9 + 1) + 7)).Should().Throw<OperationCanceledException>();
        memory.Written.Select(s => s.Epochs.Count).Should().StartWith([3, 4, 5]);
        monitor.Infos.Should().NotContain(i => i.StartsWith("The checkpoint holds"), "what was chosen is no checkpoint that was found");
        engines = 0;
        var resumed = Run(int.MaxValue);

        engines.Should().Be(1);
        monitor.Infos.Should().Contain("The checkpoint holds 5 of 8 epochs; training goes on from there.");
        resumed.Network.Weights().Should().Equal(whole.Network.Weights());
        memory.Written[^1].Epochs.Should().HaveCount(8);
    }

    [Fact]
    public void A_perturbation_makes_starts_from_one_network_differ_and_leaves_the_first()
    {
        var network = Setup.Fnn(6).Initialize(1, 1, Link.Identity, new bool[1], new Random(1));
        float[][] Starts(float perturbation)
        {
            var starts = new List<float[]>();
            NetworkTraining.Fit(Settings with { Starts = new Starts(3, 1, perturbation: perturbation), NormalizeFeatures = false, NormalizeTargets = false }, (_, start) =>
            {
                starts.Add(start.Weights());
                return new FakeEngine();
            }, Setup.Noise(10, 1, 1, 1), null, network, new RecordingMonitor());
            return [.. starts.Take(3)];
        }

        var starts = Starts(0.1f);

        starts[0].Should().Equal(network.Weights());
        var shares = starts[1].Concat(starts[2]).Zip(network.Weights().Concat(network.Weights())).Where(p => p.Second != 0).Select(p => p.First / (double)p.Second - 1).ToArray();
        Math.Sqrt(shares.Average(s => s * s)).Should().BeInRange(0.07, 0.13);
        FluentActions.Invoking(() => Starts(0)).Should().Throw<DeqException>().WithMessage("Starts asks for several, and all would be the same*");
        FluentActions.Invoking(() => Fit(Settings with { Starts = new Starts(3, 1, perturbation: 0.1f) }, null)).Should().Throw<DeqException>().WithMessage("Starts has a perturbation*there is none*");
    }

    private static TrainedNetwork Fit(TrainingSettings settings, TrainingData? validation, RecordingMonitor? monitor = null) =>
        NetworkTraining.Fit(settings, (s, start) => new SimdEngine(s, start), Setup.Copy(Data), validation is null ? null : Setup.Copy(validation), null, monitor ?? new RecordingMonitor());

    /// <summary>The loss of a start after some epochs, trained by hand.</summary>
    private static double Alone(int number, int epochs, bool validates)
    {
        var (engine, history, unit, train) = Run(number, epochs, validates);
        using (engine)
        {
            return validates ? history.Epochs[^1].ValidationLoss!.Value : engine.Evaluate(train, () => { }).Loss * unit * unit;
        }
    }

    private static float[] WeightsAlone(int number, bool validates)
    {
        var (engine, _, _, _) = Run(number, 8, validates);
        var scaling = Standardization.Learn(Setup.Copy(Data), Settings);
        using (engine)
        {
            return scaling.ToDataUnits(engine.ToNetwork()).Weights();
        }
    }

    private static (SimdEngine Engine, TrainingHistory History, double Unit, TrainingData Train) Run(int number, int epochs, bool validates)
    {
        var (train, held) = (Setup.Copy(Data), Setup.Copy(Validation));
        var scaling = Standardization.Learn(train, Settings);
        scaling.Apply(train);
        scaling.Apply(held);
        var start = new NetworkStarts(Settings, scaling, train, null).Make(number);
        var engine = new SimdEngine(Settings, start);
        // Under a constant schedule the first epochs of eight are those of fewer.
        var history = new TrainingLoop(Settings with { Epochs = epochs }, scaling.TargetUnit, new RecordingMonitor()).Run(engine, train, validates ? held : null);
        return (engine, history, scaling.TargetUnit, train);
    }

    private sealed class Kept : ITrainingCheckpoint
    {
        public List<TrainingState> Written { get; } = [];

        public int EveryEpochs => 1;

        public TrainingState? Begin(TrainingIdentity training) => Written.LastOrDefault();

        public ModelFormatException Damaged(string why) => new(why);

        public void Write(TrainingState state) => Written.Add(state);
    }
}
