using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

public sealed class TrainingLoopTests
{
    private static readonly TrainingData Ten = new(1, 1, new float[10], new float[10], null);

    private static readonly TrainingSettings Settings = Setup.Settings(Setup.Fnn()) with { Epochs = 4, BatchSize = 4, LearningRate = 0.5 };

    private static TrainingHistory Run(FakeEngine engine, TrainingSettings settings, bool validate = false, RecordingMonitor? monitor = null, double targetUnit = 1) =>
        new TrainingLoop(settings, targetUnit, monitor ?? new RecordingMonitor()).Run(engine, Ten, validate ? Ten : null);

    [Fact]
    public void Every_epoch_takes_every_row_once_in_a_new_order()
    {
        var engine = new FakeEngine();

        Run(engine, Settings);

        var epochs = engine.Epochs.Take(4).ToArray();
        epochs.Should().OnlyContain(batches => batches.SelectMany(b => b).Order().SequenceEqual(Enumerable.Range(0, 10)));
        epochs.Should().OnlyContain(batches => batches.Select(b => b.Length).SequenceEqual(new[] { 4, 4, 2 }));
        epochs.Select(batches => string.Join(' ', batches.SelectMany(b => b))).Should().OnlyHaveUniqueItems();
        engine.Begun.Should().Equal(1, 2, 3, 4);
    }

    [Fact]
    public void Without_shuffling_every_epoch_takes_the_rows_as_they_come()
    {
        var engine = new FakeEngine();

        Run(engine, Settings with { Shuffle = false });

        engine.Epochs.Take(4).Should().OnlyContain(batches => batches.SelectMany(b => b).SequenceEqual(Enumerable.Range(0, 10)));
    }

    [Fact]
    public void The_seed_sets_the_order()
    {
        string Order(int seed)
        {
            var engine = new FakeEngine();
            Run(engine, Settings with { Seed = seed });
            return string.Join(' ', engine.Epochs.SelectMany(e => e).SelectMany(b => b));
        }
        Order(3).Should().Be(Order(3)).And.NotBe(Order(4));
        Order(-1).Should().NotBe(Order(0));
    }

    [Theory]
    [InlineData(1, 10)]
    [InlineData(10, 1)]
    [InlineData(11, 1)]
    [InlineData(9, 2)]
    public void Batches_have_the_size_asked_for(int size, int batches)
    {
        var engine = new FakeEngine();
        Run(engine, Settings with { BatchSize = size });
        engine.Epochs[0].Should().HaveCount(batches);
    }

    [Fact]
    public void Batch_size_of_the_largest_integer_is_one_full_batch()
    {
        var engine = new FakeEngine();
        Run(engine, Settings with { BatchSize = int.MaxValue });
        engine.Epochs[0].Should().ContainSingle().Which.Should().HaveCount(10);
    }

    [Fact]
    public void The_rate_of_every_batch_is_that_of_the_schedule()
    {
        var engine = new FakeEngine();
        var schedule = LearningRateSchedule.Cosine(0.1f).WithWarmUp(0.25f);

        var history = Run(engine, Settings with { Schedule = schedule });

        engine.Rates.Should().Equal(Enumerable.Range(0, 12).Select(batch => 0.5 * schedule.Factor(new TrainingPosition(batch, 12))));
        history.Epochs.Select(e => e.LearningRate).Should().Equal(engine.Rates[2], engine.Rates[5], engine.Rates[8], engine.Rates[11]);
    }

    [Fact]
    public void A_schedule_that_follows_the_loss_is_given_the_epochs_that_are_done()
    {
        var engine = new FakeEngine { ValidationLoss = epoch => epoch == 2 ? 2 : 1.0 / epoch };

        Run(engine, Settings with { Schedule = LearningRateSchedule.ReduceOnPlateau(0.5f, 1) }, validate: true);

        engine.Rates.Should().Equal(Enumerable.Repeat(0.5, 6).Concat(Enumerable.Repeat(0.25, 6)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void Cancellation_comes_before_the_next_batch(int batch)
    {
        var engine = new FakeEngine();
        FluentActions.Invoking(() => Run(engine, Settings, monitor: new RecordingMonitor(batch))).Should().Throw<OperationCanceledException>();
        engine.Rates.Should().HaveCount(batch);
    }

    [Fact]
    public void The_history_holds_what_the_engine_said_in_units_of_the_label()
    {
        var monitor = new RecordingMonitor();

        var history = Run(new FakeEngine { ValidationLoss = epoch => 10 * epoch }, Settings, validate: true, monitor, targetUnit: 10);

        history.Epochs.Should().Equal(monitor.Epochs);
        history.Epochs.Select(e => e.Epoch).Should().Equal(1, 2, 3, 4);
        history.Epochs[1].Should().BeEquivalentTo(new TrainingEpoch(2, 50, 2000, 10, 10, 0.5, 5, 9, 0.25, 0.5, 0, 0, 0.75, 0), o => o.Excluding(e => e.Seconds));
        history.Epochs[1].Seconds.Should().BeGreaterThanOrEqualTo(0);
        (history.BestEpoch, history.Seed, history.Device).Should().Be((4, 1, "fake"));
        Run(new FakeEngine(), Settings).Epochs.Should().OnlyContain(e => e.ValidationLoss == null);
    }

    [Theory]
    [InlineData(1, 0f, 4, 3)]
    [InlineData(2, 0f, 7, 5)]
    [InlineData(4, 0f, 9, 5)]
    [InlineData(2, 0.15f, 5, 3)]
    public void Early_stopping_waits_for_its_patience_and_restores_the_best(int patience, float minDelta, int stop, int best)
    {
        double[] losses = [5, 4, 3, 3.5, 2.6, 2.6, 2.7, 2.8, 2.9, 3, 3, 3];
        var engine = new FakeEngine { ValidationLoss = epoch => losses[epoch - 1] };

        var history = Run(engine, Settings with { Epochs = losses.Length, EarlyStopping = new EarlyStopping(patience, minDelta) }, validate: true);

        history.Epochs.Should().HaveCount(stop);
        history.BestEpoch.Should().Be(best);
        engine.Weights.Should().Be(best);
    }

    [Fact]
    public void Early_stopping_restores_the_best_also_where_the_epochs_run_out()
    {
        var engine = new FakeEngine { ValidationLoss = epoch => epoch == 2 ? 1 : 3 };
        Run(engine, Settings with { EarlyStopping = new EarlyStopping(50) }, validate: true).BestEpoch.Should().Be(2);
        engine.Weights.Should().Be(2);
    }

    [Fact]
    public void Early_stopping_without_restoring_stops_as_soon_and_keeps_the_last_weights()
    {
        var engine = new FakeEngine { ValidationLoss = epoch => epoch == 2 ? 1 : 3 };

        var history = Run(engine, Settings with { Epochs = 9, EarlyStopping = new EarlyStopping(3, restoreBest: false) }, validate: true);

        (history.Epochs.Count, history.BestEpoch, engine.Weights).Should().Be((5, 5, 5));
    }

    [Fact]
    public void Divergence_names_epoch_loss_residual_and_the_options_to_change()
    {
        FluentActions.Invoking(() => Run(new FakeEngine { Loss = epoch => epoch == 3 ? double.NaN : 1 }, Settings)).Should().Throw<DivergenceException>()
            .WithMessage("Training diverged in epoch 3: training loss NaN, worst residual 0.25, learning rate 0.5. Lower LearningRate, set GradientClip*WellPosedness*");
        FluentActions.Invoking(() => Run(new FakeEngine { Finite = epoch => epoch < 2 }, Settings)).Should().Throw<DivergenceException>().WithMessage("*epoch 2*loss 0.5*");
        FluentActions.Invoking(() => Run(new FakeEngine { ValidationLoss = _ => double.PositiveInfinity }, Settings, validate: true)).Should().Throw<DivergenceException>()
            .WithMessage("*epoch 1: training loss 1, validation loss *, worst residual*");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Divergence_under_early_stopping_keeps_the_best_finite_weights_and_warns(bool restoreBest)
    {
        var monitor = new RecordingMonitor();
        var engine = new FakeEngine { Finite = epoch => epoch < 4, ValidationLoss = epoch => epoch == 2 ? 0.5 : 1 };

        var history = Run(engine, Settings with { Epochs = 9, EarlyStopping = new EarlyStopping(5, restoreBest: restoreBest) }, validate: true, monitor);

        engine.Weights.Should().Be(2);
        history.BestEpoch.Should().Be(2);
        history.Epochs.Should().HaveCount(4);
        monitor.Warnings.Should().ContainSingle().Which.Should().Contain("diverged in epoch 4").And.Contain("The weights of epoch 2");
    }
}
