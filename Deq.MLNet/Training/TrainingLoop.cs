using System.Diagnostics;

namespace Deq.MLNet.Training;

/// <summary>Who is told of a training while it runs.</summary>
internal interface ITrainingMonitor
{
    /// <summary>Called before every batch and before the finished network is measured; throws to stop.</summary>
    void CheckCancelled();

    /// <summary>Called after every epoch.</summary>
    void EpochDone(TrainingEpoch epoch);

    /// <summary>Called for what a user should know.</summary>
    void Warn(string message);
}

/// <summary>Epochs, order of rows, schedule, early stopping and history: everything about a training that is not arithmetic.</summary>
/// <param name="settings">How to train.</param>
/// <param name="targetUnit">What one unit of the engine's targets is in units of the label.</param>
/// <param name="monitor">Who is told.</param>
internal sealed class TrainingLoop(TrainingSettings settings, double targetUnit, ITrainingMonitor monitor)
{
    private readonly List<TrainingEpoch> _epochs = [];
    private Network? _best;
    private double? _leastLoss;
    private int _bestEpoch;

    /// <summary>Trains, and leaves the weights that the model shall have in the engine.</summary>
    public TrainingHistory Run(ITrainingEngine engine, TrainingData train, TrainingData? validation)
    {
        engine.Attach(train);
        var order = new int[train.Rows];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }
        var random = new Random(settings.Seed);
        // Not (rows + size - 1) / size, which overflows where the batch size is int.MaxValue.
        var batchesPerEpoch = (order.Length - 1L) / settings.BatchSize + 1;
        var diverged = false;
        for (var epoch = 1; epoch <= settings.Epochs; epoch++)
        {
            var watch = Stopwatch.StartNew();
            if (settings.Shuffle)
            {
                random.Shuffle(order);
            }
            engine.BeginEpoch(epoch);
            var rate = 0.0;
            for (var batch = 0; batch < batchesPerEpoch; batch++)
            {
                monitor.CheckCancelled();
                rate = settings.LearningRate * settings.Schedule.Factor(new TrainingPosition((epoch - 1) * batchesPerEpoch + batch, settings.Epochs * batchesPerEpoch, _epochs));
                var start = batch * settings.BatchSize;
                engine.Step(order.AsSpan(start, Math.Min(settings.BatchSize, order.Length - start)), rate);
            }
            var metrics = engine.ReadMetrics();
            MeanLoss? validated = validation is null ? null : engine.Evaluate(validation, monitor.CheckCancelled);
            var validationLoss = LossOf(validated);
            var done = new TrainingEpoch(epoch, LossOf(metrics.Training)!.Value, validationLoss, MetricOf(metrics.Training)!.Value, MetricOf(validated), rate,
                metrics.MeanIterations, metrics.WorstIterations, metrics.WorstResidual, metrics.WorstGradientResidual, metrics.ContractionBound, watch.Elapsed.TotalSeconds);
            _epochs.Add(done);
            monitor.EpochDone(done);
            diverged = !metrics.WeightsFinite || !double.IsFinite(done.TrainingLoss) || validationLoss is { } loss && !double.IsFinite(loss);
            if (diverged)
            {
                Diverged(done);
                break;
            }
            if (StopsAt(done, engine))
            {
                break;
            }
        }
        if (_best is null || !diverged && settings.EarlyStopping is { RestoreBest: false })
        {
            return new TrainingHistory(_epochs, _epochs.Count, settings.Seed, engine.Device);
        }
        engine.Load(_best);
        return new TrainingHistory(_epochs, _bestEpoch, settings.Seed, engine.Device);
    }

    private double? LossOf(MeanLoss? mean) => mean?.Loss * settings.Loss.Unit(targetUnit);

    private double? MetricOf(MeanLoss? mean) => mean is { } m ? settings.Loss.Metric(m.Metric, targetUnit) : null;

    private bool StopsAt(TrainingEpoch epoch, ITrainingEngine engine)
    {
        if (settings.EarlyStopping is not { } rule || epoch.ValidationLoss is not { } loss)
        {
            return false;
        }
        if (TrainingPosition.IsBetter(loss, _leastLoss, rule.MinDelta))
        {
            (_best, _leastLoss, _bestEpoch) = (engine.ToNetwork(), loss, epoch.Epoch);
        }
        return epoch.Epoch - _bestEpoch >= rule.Patience;
    }

    private void Diverged(TrainingEpoch epoch)
    {
        var validation = epoch.ValidationLoss is { } loss ? FormattableString.Invariant($" validation loss {loss:G4},") : "";
        var what = FormattableString.Invariant(
            $"Training diverged in epoch {epoch.Epoch}: training loss {epoch.TrainingLoss:G4},{validation} worst residual {epoch.WorstResidual:G4}, learning rate {epoch.LearningRate:G4}.");
        if (_best is null)
        {
            var remedy = settings is { NormalizeFeatures: true, NormalizeTargets: true } ? "Lower" : "Set NormalizeFeatures and NormalizeLabel to true, lower";
            throw new DivergenceException($"{what} {remedy} LearningRate, set GradientClip, or, for a DEQ without a rule, set WellPosedness to Spectral.");
        }
        monitor.Warn($"{what} The weights of epoch {_bestEpoch}, the best by validation loss, are kept.");
    }
}
