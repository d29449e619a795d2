using System.Diagnostics;
using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class MonitoringTests
{
    private readonly MLContext _context = new(1);

    [Theory, AllTrainers]
    public void Cancelling_between_epochs_stops_before_the_next(TrainerCase trainer)
    {
        var epochs = 0;
        var cancelling = trainer.Trainer(_context, o => o.OnEpoch = _ =>
        {
            epochs++;
            _context.CancelExecution();
        });

        FluentActions.Invoking(() => cancelling.Fit(trainer.View(_context))).Should().Throw<OperationCanceledException>();
        epochs.Should().Be(1);
    }

    [Theory, AllTrainers]
    public void A_cancellation_token_stops_within_one_batch(TrainerCase trainer)
    {
        using var source = new CancellationTokenSource();
        var epochs = 0;
        void CancelAfterEpoch(TrainingEpoch epoch)
        {
            epochs++;
            source.Cancel();
        }
        var cancelling = trainer.Trainer(_context, o => (o.CancellationToken, o.OnEpoch) = (source.Token, CancelAfterEpoch));

        FluentActions.Invoking(() => cancelling.Fit(trainer.View(_context))).Should().Throw<OperationCanceledException>();
        epochs.Should().Be(1);
        FluentActions.Invoking(() => cancelling.Fit(trainer.View(_context))).Should().Throw<OperationCanceledException>();
        epochs.Should().Be(1);
    }

    /// <summary>Only rows that were kept once counted until the next check.</summary>
    [Fact]
    public void Reading_heeds_a_cancellation_also_among_rows_that_are_skipped()
    {
        using var source = new CancellationTokenSource();
        var read = 0;
        IEnumerable<TrainerRow> Missing()
        {
            for (; read < 100_000; read++)
            {
                if (read == 2_000)
                {
                    source.Cancel();
                }
                yield return new TrainerRow { Features = [float.NaN, 1, 1, 1] };
            }
        }

        FluentActions.Invoking(() => TrainerCase.Fnn.Trainer(_context, o => o.CancellationToken = source.Token).Fit(_context.View(Missing()))).Should().Throw<OperationCanceledException>();
        read.Should().BeLessThan(3_100);
    }

    [Theory, AllTrainers]
    public void Rows_are_not_read_for_a_training_that_is_cancelled(TrainerCase trainer)
    {
        var read = 0;
        IEnumerable<TrainerRow> Counted()
        {
            foreach (var row in Rows(5_000))
            {
                read++;
                yield return row;
            }
        }
        var cancelling = trainer.Trainer(_context, o => o.CancellationToken = new CancellationToken(canceled: true));

        FluentActions.Invoking(() => cancelling.Fit(trainer.View(_context, Counted()))).Should().Throw<OperationCanceledException>();
        read.Should().BeLessThan(5_000);
    }

    [Theory, AllTrainers]
    public void Cancelling_after_the_last_batch_gives_no_model(TrainerCase trainer)
    {
        using var source = new CancellationTokenSource();
        var cancelling = trainer.Trainer(_context, o => (o.Epochs, o.CancellationToken, o.OnEpoch) = (1, source.Token, _ => source.Cancel()));

        FluentActions.Invoking(() => cancelling.Fit(trainer.View(_context))).Should().Throw<OperationCanceledException>();
    }

    [Theory, AllTrainers]
    public void Cancelling_from_another_thread_stops_in_the_midst_of_an_epoch(TrainerCase trainer)
    {
        var epochs = 0;
        // Row by row, so that an epoch takes several times as long as the wait below.
        var cancelling = trainer.Trainer(_context, o => (o.BatchSize, o.OnEpoch) = (1, _ => epochs++));
        var cancelled = Stopwatch.StartNew();
        _context.Log += (_, message) =>
        {
            if (message.RawMessage.StartsWith("Training with", StringComparison.Ordinal))
            {
                // A thread of its own: the pool's may be busy with other tests for longer than an epoch.
                new Thread(() =>
                {
                    Thread.Sleep(50);
                    cancelled.Restart();
                    _context.CancelExecution();
                })
                { IsBackground = true }.Start();
            }
        };
        var data = trainer.View(_context, Rows(200_000));

        FluentActions.Invoking(() => cancelling.Fit(data)).Should().Throw<OperationCanceledException>();
        cancelled.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(3));
        epochs.Should().Be(0);
    }

    [Theory, AllTrainers]
    public void The_log_tells_the_device_and_every_epoch_and_the_console_nothing(TrainerCase trainer)
    {
        var log = new TrainerLog(_context);
        var seen = new List<TrainingEpoch>();
        using var console = new StringWriter();
        var (output, error) = (Console.Out, Console.Error);
        Console.SetOut(console);
        Console.SetError(console);
        try
        {
            var model = trainer.Trainer(_context, o => o.OnEpoch = seen.Add).Fit(trainer.View(_context), trainer.View(_context, Rows(50, 2)));

            seen.Should().Equal(model.Model.History.Epochs);
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
        console.ToString().Should().BeEmpty();
        log.Infos.Should().ContainSingle(m => m == "Training with Simd on cpu: 200 rows, 4 features, 50 validation rows, seed 1.");
        log.Traces.Where(m => m.StartsWith("Epoch", StringComparison.Ordinal)).Should().HaveCount(4)
            .And.AllSatisfy(m => m.Should().MatchRegex(@"^Epoch \d: training loss \d[\d.]*, validation loss \d[\d.]*, iterations \d+\.\d, worst residual .*, \d+\.\d{3} s\.$"));
        log.Warnings.Should().BeEmpty();
    }

    [Theory, AllTrainers]
    public void Progress_is_reported_after_every_epoch(TrainerCase trainer)
    {
        // ML.NET shows progress to its own console alone, which asks the tracker of the environment.
        var environment = typeof(MLContext).GetField("_env", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(_context)!;
        var tracker = (ProgressReporting.ProgressTracker)environment.GetType().GetField("ProgressTracker", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(environment)!;

        var model = trainer.Trainer(_context).Fit(trainer.View(_context), trainer.View(_context, Rows(50, 2))).Model;

        var events = tracker.GetAllProgress().Where(e => e.Name.EndsWith($"{trainer.Network}{trainer.Task}Trainer", StringComparison.Ordinal)).ToArray();
        events.Select(e => e.Kind).Should().Equal([ProgressReporting.ProgressEvent.EventKind.Start, .. Enumerable.Repeat(ProgressReporting.ProgressEvent.EventKind.Progress, 4), ProgressReporting.ProgressEvent.EventKind.Stop]);
        var checkpoints = events[1..^1].Select(e => e.ProgressEntry).ToArray();
        checkpoints[0].Header.MetricNames.Should().Equal("Training loss", "Validation loss");
        checkpoints[0].Header.UnitNames.Should().Equal("epochs");
        checkpoints.Select(c => (c.Metrics[0], c.Metrics[1], c.Progress[0])).Should()
            .Equal(model.History.Epochs.Select(e => ((double?)e.TrainingLoss, e.ValidationLoss, (double?)e.Epoch)));
    }

    [Theory, AllTrainers]
    public void An_exception_of_OnEpoch_stops_the_training(TrainerCase trainer)
    {
        var cancelling = trainer.Trainer(_context, o => o.OnEpoch = _ => throw new InvalidDataException("enough"));

        FluentActions.Invoking(() => cancelling.Fit(trainer.View(_context))).Should().Throw<InvalidDataException>().WithMessage("enough");
    }
}
