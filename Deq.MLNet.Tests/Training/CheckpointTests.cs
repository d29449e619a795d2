using Deq.MLNet.Networks;
using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

/// <summary>When a training's state is written, what of it is used, and what tells one training from another.</summary>
public sealed class CheckpointTests
{
    private static readonly TrainingData Ten = new(1, 1, new float[10], new float[10], null);

    private static readonly TrainingSettings Settings = Setup.Settings(Setup.Fnn()) with { Epochs = 8, BatchSize = 4, LearningRate = 0.5, Schedule = LearningRateSchedule.Cosine() };

    internal sealed class Memory(int everyEpochs = 1) : ITrainingCheckpoint
    {
        public List<TrainingState> Written { get; } = [];

        public int EveryEpochs => everyEpochs;

        public TrainingState? Begin(TrainingIdentity training) => throw new NotSupportedException("The loop is given the state.");

        public ModelFormatException Damaged(string why) => new(why);

        // Epochs are copied: the loop goes on adding to its list.
        public void Write(TrainingState state) => Written.Add(state with { Epochs = [.. state.Epochs] });
    }

    private static TrainingHistory Run(FakeEngine engine, TrainingSettings settings, Memory checkpoint, TrainingState? saved = null, RecordingMonitor? monitor = null) =>
        new TrainingLoop(settings, 1, monitor ?? new RecordingMonitor()).Run(engine, Ten, settings.EarlyStopping is null ? null : Ten, checkpoint, saved);

    [Theory]
    [InlineData(1, new[] { 1, 2, 3, 4, 5, 6, 7, 8 })]
    [InlineData(3, new[] { 3, 6, 8 })]
    [InlineData(100, new[] { 8 })]
    public void The_state_is_written_after_every_so_many_epochs_and_after_the_last(int everyEpochs, int[] written)
    {
        var memory = new Memory(everyEpochs);
        Run(new FakeEngine(), Settings, memory);
        memory.Written.Select(s => s.Epochs.Count).Should().Equal(written);
        memory.Written.Select(s => (int)s.Weights[0]).Should().Equal(written);
        memory.Written.Should().OnlyContain(s => s.Best == null);
    }

    [Fact]
    public void The_state_is_written_where_training_stops_early_and_not_where_it_diverged()
    {
        var memory = new Memory(100);
        var engine = new FakeEngine { ValidationLoss = epoch => epoch == 2 ? 1 : 3 };
        Run(engine, Settings with { EarlyStopping = new EarlyStopping(3) }, memory);
        memory.Written.Should().ContainSingle().Which.Best.Should().BeEquivalentTo(new BestWeights(2, 1, [2]));
        memory.Written[0].Epochs.Should().HaveCount(5);

        memory = new Memory();
        Run(new FakeEngine { Finite = epoch => epoch < 4 }, Settings with { EarlyStopping = new EarlyStopping(3) }, memory);
        memory.Written.Select(s => s.Epochs.Count).Should().Equal(1, 2, 3);
    }

    [Fact]
    public void The_state_is_written_before_an_epoch_is_told()
    {
        var memory = new Memory();
        var monitor = new RecordingMonitor(cancelAtBatch: 3 * 3);
        FluentActions.Invoking(() => Run(new FakeEngine(), Settings, memory, monitor: monitor)).Should().Throw<OperationCanceledException>();
        monitor.Epochs.Should().HaveCount(3);
        memory.Written[^1].Epochs.Should().Equal(monitor.Epochs);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void A_training_goes_on_with_the_order_rates_weights_and_optimizer_of_the_epochs_that_would_have_come(int done)
    {
        var (memory, whole, rest, monitor) = (new Memory(), new FakeEngine(), new FakeEngine(), new RecordingMonitor());
        var history = Run(whole, Settings, memory);

        var resumed = Run(rest, Settings, new Memory(), memory.Written[done - 1], monitor);

        rest.Begun.Should().Equal(Enumerable.Range(done + 1, 8 - done));
        rest.Rates.Should().Equal(whole.Rates.Skip(3 * done));
        rest.Epochs.SelectMany(e => e).SelectMany(b => b).Should().Equal(whole.Epochs.Skip(done).SelectMany(e => e).SelectMany(b => b));
        (rest.Weights, rest.StepsBefore).Should().Be((8, 3 * done));
        resumed.Epochs.Select(e => e with { Seconds = 0 }).Should().Equal(history.Epochs.Select(e => e with { Seconds = 0 }));
        monitor.Epochs.Select(e => e.Epoch).Should().Equal(Enumerable.Range(done + 1, 8 - done), "epochs are told once");
        monitor.Infos.Should().BeEmpty();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void Early_stopping_goes_on_waiting_and_restores_the_best_of_before(int done)
    {
        var settings = Settings with { EarlyStopping = new EarlyStopping(3) };
        double Loss(int epoch) => epoch == 2 ? 1 : 3;
        var memory = new Memory();
        Run(new FakeEngine { ValidationLoss = Loss }, settings, memory);
        var rest = new FakeEngine { ValidationLoss = Loss };

        var history = Run(rest, settings, new Memory(), memory.Written[done - 1]);

        (history.BestEpoch, history.Epochs.Count, rest.Weights).Should().Be((2, 5, 2));
        rest.Begun.Should().Equal(Enumerable.Range(done + 1, 5 - done));
    }

    [Fact]
    public void What_is_kept_of_rows_goes_on_too()
    {
        var (memory, rest) = (new Memory(), new FakeEngine { States = [0, 0, 0] });
        Run(new FakeEngine { States = [3, 4, 5] }, Settings, memory);

        Run(rest, Settings, new Memory(), memory.Written[2]);

        rest.States.Should().Equal(3, 4, 5);
    }

    [Fact]
    public void A_state_that_cannot_be_of_the_training_is_refused_before_anything_of_it_is_used()
    {
        var memory = new Memory();
        Run(new FakeEngine(), Settings, memory);
        var state = memory.Written[3];
        void Refused(TrainingState saved, TrainingSettings settings, string why)
        {
            var engine = new FakeEngine();
            FluentActions.Invoking(() => Run(engine, settings, new Memory(), saved)).Should().Throw<ModelFormatException>().WithMessage(why);
            (engine.Weights, engine.StepsBefore, engine.Begun.Count).Should().Be((0, 0, 0));
        }

        Refused(state with { Weights = [1, 2] }, Settings, "it has 2 weights with 0 moments each, where this training has 1 with 0");
        Refused(state with { Optimizer = new OptimizerState(12, [[1]]) }, Settings, "it has 1 weights with 1 moments each, where this training has 1 with 0");
        Refused(state with { States = [1, 2] }, Settings, "it has states of 2 values, where this training has 0");
        Refused(state, Settings with { Epochs = 3 }, "it has 4 epochs, where this training has 3");
        Refused(state with { Best = new BestWeights(1, 1, [1]) }, Settings, "it has a best epoch, where this training has no early stopping");
        Refused(state, Settings with { EarlyStopping = new EarlyStopping() }, "it has no best epoch, where this training has early stopping");
    }

    [Fact]
    public void Every_setting_but_the_threads_is_part_of_a_trainings_identity()
    {
        var settings = Setup.Settings(Setup.Deq(4)) with { Threads = 3, ClassWeights = ClassWeights.Given(1, 2.5f) };

        var described = TrainingIdentity.Of(settings, Ten, null, null).Settings;

        described.Keys.Should().Contain(typeof(TrainingSettings).GetProperties().Select(p => p.Name));
        described.Keys.Should().Contain(typeof(DeqArchitecture).GetProperties().Select(p => $"Architecture.{p.Name}"));
        (described["Threads"], described["Architecture.StateSize"], described["LearningRate"], described["Optimizer"], described["Optimizer.Beta2"], described["ClassWeights.Weights"])
            .Should().Be(("null", "4", "0.01", "Adam", "0.999", "[1, 2.5]"));
        described["GradientClip"].Should().Be("null");
        described["LibraryVersion"].Should().Be(Library.Version).And.NotContain("+");
        described.Keys.Should().NotContain("");
    }

    [Fact]
    public void A_setting_that_only_one_of_two_trainings_has_is_a_difference_unless_it_follows_from_another()
    {
        TrainingIdentity With(params (string Key, string Value)[] settings) => new(settings.ToDictionary(s => s.Key, s => s.Value), "", "", "");
        var adam = With(("Optimizer", "Adam"), ("Optimizer.Beta", "0.9"), ("OptimizerState", "1"));

        adam.DifferenceFrom(With(("Optimizer", "Adam"), ("OptimizerState", "1")), "here", "there").Should().Be("Optimizer.Beta (0.9 here, absent there)");
        With(("Optimizer", "Adam"), ("OptimizerState", "1")).DifferenceFrom(adam, "here", "there").Should().Be("Optimizer.Beta (absent here, 0.9 there)");
        adam.DifferenceFrom(With(("Optimizer", "AdamW"), ("Optimizer.Moments", "Adam"), ("Optimizer.Moments.Beta", "0.9")), "here", "there")
            .Should().Be("Optimizer (Adam here, AdamW there), OptimizerState (1 here, absent there)");
        With().DifferenceFrom(adam, "here", "there").Should().Be("Optimizer (absent here, Adam there), OptimizerState (absent here, 1 there)");
        adam.DifferenceFrom(adam, "here", "there").Should().BeNull();
    }

    [Fact]
    public void What_differs_bears_the_name_of_its_factory_and_a_rule_does_not_bring_its_solvers_with_it()
    {
        DeqArchitecture Of(WellPosedness rule, FixedPointSolver solver) => Setup.Deq(4, Activation.ReLU, rule, solver);
        string? Difference(DeqArchitecture here, DeqArchitecture there) => TrainingIdentity.Of(Setup.Settings(here), Ten, null, null)
            .DifferenceFrom(TrainingIdentity.Of(Setup.Settings(there), Ten, null, null), "here", "there");
        var spectral = Of(WellPosedness.Spectral(), new Auto());

        Difference(spectral, Of(WellPosedness.Monotone(), new Auto())).Should().Be("WellPosedness (Spectral(0.9) here, Monotone(1) there)");
        Difference(spectral, Of(WellPosedness.None, new Auto())).Should().Be("WellPosedness (Spectral(0.9) here, None there)");
        Difference(spectral, Of(WellPosedness.Spectral(), new Anderson())).Should().Be("GradientSolver (Auto here, Anderson there), Solver (Auto here, Anderson there)");
        Difference(spectral, spectral with { Initialization = Initialization.Orthogonal() }).Should().Be("Initialization (Gaussian here, Orthogonal there)");
    }

    [Fact]
    public void What_differs_between_two_trainings_is_named()
    {
        var data = Setup.Noise(5, 2, 1, 1, weighted: true);
        var settings = Setup.Settings(Setup.Fnn(4, 4));
        var start = Setup.Fnn(3).Initialize(2, 1, Link.Identity, new bool[2], new Random(1));
        string? Difference(TrainingSettings? s = null, TrainingData? rows = null, TrainingData? validation = null, Network? initial = null) =>
            TrainingIdentity.Of(settings, data, null, null).DifferenceFrom(TrainingIdentity.Of(s ?? settings, rows ?? data, validation, initial), "here", "there");

        Difference().Should().BeNull();
        Difference(settings with { Threads = 7 }).Should().BeNull();
        Difference(settings with { LearningRate = 0.02 }).Should().Be("LearningRate (0.01 here, 0.02 there)");
        Difference(settings with { Optimizer = new Sgd(), Epochs = 3 }).Should().Be("Epochs (10 here, 3 there), Optimizer (Adam here, Sgd there)");
        Difference(settings with { Architecture = Setup.Fnn(4, 5) }).Should().Be("HiddenSizes ([4, 4] here, [4, 5] there)");
        Difference(settings with { LearningRate = 0.02f, Schedule = LearningRateSchedule.Cosine() }).Should().Be("LearningRate (0.01 here, 0.02 there), LearningRateSchedule (Constant here, Cosine there)");
        Difference(settings with { NormalizeTargets = false, Outputs = 3 }).Should().Be("NormalizeLabel (True here, False there), the number of classes (1 here, 3 there)");
        Difference(settings with { MatmulPrecision = MatmulPrecision.TensorFloat32 }).Should().Be("MatmulPrecision (Float32 here, TensorFloat32 there)");
        string? BetweenCells(Func<DeqArchitecture, DeqArchitecture> change) => TrainingIdentity.Of(settings with { Architecture = Setup.Deq(4) }, data, null, null)
            .DifferenceFrom(TrainingIdentity.Of(settings with { Architecture = change(Setup.Deq(4)) }, data, null, null), "here", "there");
        BetweenCells(a => a with { StateSize = 5, Dropout = 0.25f }).Should().Be("Dropout (0 here, 0.25 there), HiddenSize (4 here, 5 there)");
        BetweenCells(a => a with { Rule = WellPosedness.Spectral(0.5f) }).Should().Be("WellPosedness (Spectral(0.9) here, Spectral(0.5) there)");
        BetweenCells(a => a with { MaxIterations = 7, Scoring = new EquilibriumSettings(new Auto(), new Tolerance(1e-3), 7) }).Should().Be("MaxIterations (200 here, 7 there), ScoringTolerance.Relative (1E-06 here, 0.001 there)");
        BetweenCells(_ => Setup.Deq(4, solver: new Anderson())).Should().Be("GradientSolver (Picard here, Anderson there), Solver (Picard here, Anderson there)");
        Difference(settings with { Architecture = Setup.Deq(4) }).Should().Be("the kind of network (Fnn here, Deq there)");
        Difference(rows: Setup.Noise(5, 2, 1, 2, weighted: true)).Should().Be("the training rows");
        Difference(rows: data with { Weights = null }).Should().Be("the training rows");
        Difference(rows: data.Select([1, 0, 2, 3, 4])).Should().Be("the training rows");
        Difference(validation: data).Should().Be("the validation rows");
        Difference(initial: start).Should().Be("the model to start from");
    }
}
