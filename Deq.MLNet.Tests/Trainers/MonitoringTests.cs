using System.Diagnostics;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class MonitoringTests
{
    private readonly MLContext _context = new(1);

    [Theory, BothTrainers]
    public void Cancelling_between_epochs_stops_before_the_next(TrainerKind kind)
    {
        var epochs = 0;
        var trainer = _context.Trainer(kind, o => o.OnEpoch = _ =>
        {
            epochs++;
            _context.CancelExecution();
        });

        FluentActions.Invoking(() => trainer.Fit(_context.View(Rows()))).Should().Throw<OperationCanceledException>();
        epochs.Should().Be(1);
    }

    [Theory, BothTrainers]
    public void A_cancellation_token_stops_within_one_batch(TrainerKind kind)
    {
        using var source = new CancellationTokenSource();
        var epochs = 0;
        void CancelAfterEpoch(TrainingEpoch epoch)
        {
            epochs++;
            source.Cancel();
        }
        var trainer = _context.Trainer(kind, o => (o.CancellationToken, o.OnEpoch) = (source.Token, CancelAfterEpoch));

        FluentActions.Invoking(() => trainer.Fit(_context.View(Rows()))).Should().Throw<OperationCanceledException>();
        epochs.Should().Be(1);
        FluentActions.Invoking(() => trainer.Fit(_context.View(Rows()))).Should().Throw<OperationCanceledException>();
        epochs.Should().Be(1);
    }

    [Theory, BothTrainers]
    public void Rows_are_not_read_for_a_training_that_is_cancelled(TrainerKind kind)
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
        var trainer = _context.Trainer(kind, o => o.CancellationToken = new CancellationToken(canceled: true));

        FluentActions.Invoking(() => trainer.Fit(_context.View(Counted()))).Should().Throw<OperationCanceledException>();
        read.Should().BeLessThan(5_000);
    }

    [Theory, BothTrainers]
    public void Cancelling_after_the_last_batch_gives_no_model(TrainerKind kind)
    {
        using var source = new CancellationTokenSource();
        var trainer = _context.Trainer(kind, o => (o.Epochs, o.CancellationToken, o.OnEpoch) = (1, source.Token, _ => source.Cancel()));

        FluentActions.Invoking(() => trainer.Fit(_context.View(Rows()))).Should().Throw<OperationCanceledException>();
    }

    [Theory, BothTrainers]
    public void Cancelling_from_another_thread_stops_in_the_midst_of_an_epoch(TrainerKind kind)
    {
        var epochs = 0;
        // Row by row, so that an epoch would take half a minute.
        var trainer = _context.Trainer(kind, o => (o.BatchSize, o.OnEpoch) = (1, _ => epochs++));
        var cancelled = Stopwatch.StartNew();
        _context.Log += (_, message) =>
        {
            if (message.RawMessage.StartsWith("Training on", StringComparison.Ordinal))
            {
                Task.Delay(200).ContinueWith(_ =>
                {
                    cancelled.Restart();
                    _context.CancelExecution();
                }, TaskScheduler.Default);
            }
        };
        var data = _context.View(Rows(50_000));

        FluentActions.Invoking(() => trainer.Fit(data)).Should().Throw<OperationCanceledException>();
        cancelled.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(3));
        epochs.Should().Be(0);
    }

    [Theory, BothTrainers]
    public void The_log_tells_the_device_and_every_epoch_and_the_console_nothing(TrainerKind kind)
    {
        var log = new TrainerLog(_context);
        var seen = new List<TrainingEpoch>();
        using var console = new StringWriter();
        var (output, error) = (Console.Out, Console.Error);
        Console.SetOut(console);
        Console.SetError(console);
        try
        {
            var model = _context.Trainer(kind, o => o.OnEpoch = seen.Add).Fit(_context.View(Rows()), validationData: _context.View(Rows(50, 2)));

            seen.Should().Equal(model.Model.History.Epochs);
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
        console.ToString().Should().BeEmpty();
        log.Infos.Should().ContainSingle(m => m == "Training on cpu: 200 rows, 4 features, 50 validation rows, seed 1.");
        log.Traces.Where(m => m.StartsWith("Epoch", StringComparison.Ordinal)).Should().HaveCount(4)
            .And.AllSatisfy(m => m.Should().MatchRegex(@"^Epoch \d: training loss \d[\d.]*, validation loss \d[\d.]*, iterations \d+\.\d, worst residual .*, \d+\.\d{3} s\.$"));
        log.Warnings.Should().BeEmpty();
    }

    [Theory, BothTrainers]
    public void An_exception_of_OnEpoch_stops_the_training(TrainerKind kind)
    {
        var trainer = _context.Trainer(kind, o => o.OnEpoch = _ => throw new InvalidDataException("enough"));

        FluentActions.Invoking(() => trainer.Fit(_context.View(Rows()))).Should().Throw<InvalidDataException>().WithMessage("enough");
    }
}
