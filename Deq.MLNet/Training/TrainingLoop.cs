using System.Diagnostics;

namespace Deq.MLNet.Training;

/// <summary>Who is told of a training while it runs.</summary>
internal interface ITrainingMonitor
{
    /// <summary>Called before every batch and before the finished network is measured; throws to stop.</summary>
    void CheckCancelled();

    /// <summary>Called after every epoch.</summary>
    void EpochDone(TrainingEpoch epoch);

    /// <summary>Called for what a user may want to know.</summary>
    void Info(string message);

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
    private BestWeights? _best;

    /// <summary>Trains, and leaves the weights that the model shall have in the engine.</summary>
    /// <param name="engine">An engine with the weights to start from.</param>
    /// <param name="train">Training rows, in standard units.</param>
    /// <param name="validation">Validation rows, likewise; null for none.</param>
    /// <param name="checkpoint">Where the state is kept; null for nowhere.</param>
    /// <param name="saved">The state to go on from, as the checkpoint or <see cref="RunTo"/> gave it; null to start anew.</param>
    public TrainingHistory Run(ITrainingEngine engine, TrainingData train, TrainingData? validation, ITrainingCheckpoint? checkpoint = null, TrainingState? saved = null)
    {
        Begin(engine, train, checkpoint, saved);
        var diverged = !TrainTo(settings.Epochs, engine, train.Rows, validation, checkpoint);
        if (diverged)
        {
            Diverged(_epochs[^1]);
        }
        if (_best is null || !diverged && settings.EarlyStopping is { RestoreBest: false })
        {
            return new TrainingHistory(_epochs, _epochs.Count, settings.Seed, engine.Device, engine.Kind);
        }
        engine.LoadWeights(_best.Weights);
        return new TrainingHistory(_epochs, _best.Epoch, settings.Seed, engine.Device, engine.Kind);
    }

    /// <summary>Trains to an epoch, or to where early stopping ends it, and tells the state of a training that may go on from there.</summary>
    /// <exception cref="DivergenceException">Loss or weights stopped being finite.</exception>
    public TrainingState RunTo(int epoch, ITrainingEngine engine, TrainingData train, TrainingData? validation, TrainingState? saved)
    {
        Begin(engine, train, null, saved);
        return TrainTo(epoch, engine, train.Rows, validation, null) ? StateOf(engine) : throw Divergence(_epochs[^1]);
    }

    private void Begin(ITrainingEngine engine, TrainingData train, ITrainingCheckpoint? checkpoint, TrainingState? saved)
    {
        engine.Attach(train);
        if (engine.Notice is { } notice)
        {
            monitor.Info(notice);
        }
        if (saved is null)
        {
            return;
        }
        if (checkpoint is not null && WhyImpossible(saved, engine) is { } why)
        {
            throw checkpoint.Damaged(why);
        }
        GoOnFrom(saved, engine);
    }

    /// <summary>Trains to an epoch; false where loss or weights stopped being finite.</summary>
    private bool TrainTo(int last, ITrainingEngine engine, int rows, TrainingData? validation, ITrainingCheckpoint? checkpoint)
    {
        int[] order = [.. Enumerable.Range(0, rows)];
        var random = new Random(settings.Seed);
        for (var epoch = 1; epoch <= last && !StopsEarly(); epoch++)
        {
            if (settings.Shuffle)
            {
                random.Shuffle(order);
            }
            if (epoch <= _epochs.Count)
            {
                // It was done before; its order is what the next one's follows from.
                continue;
            }
            var (done, finite) = RunEpoch(epoch, engine, order, validation);
            UnsolvedRows.Tell(settings, engine.Kind, _epochs, monitor);
            if (finite)
            {
                KeepIfBest(done, engine);
                if (checkpoint is not null && (epoch % checkpoint.EveryEpochs == 0 || epoch == settings.Epochs || StopsEarly()))
                {
                    checkpoint.Write(StateOf(engine));
                }
            }
            monitor.EpochDone(done);
            if (!finite)
            {
                return false;
            }
        }
        return true;
    }

    private TrainingState StateOf(ITrainingEngine engine) => new([.. _epochs], engine.ReadWeights(), engine.ReadOptimizer(), _best, engine.ReadStates());

    private double LossOf(MeanLoss mean) => mean.Loss * settings.Loss.Unit(targetUnit);

    private double MetricOf(MeanLoss mean) => settings.Loss.Metric(mean.Metric, targetUnit);

    private string? WhyImpossible(TrainingState saved, ITrainingEngine engine)
    {
        var optimizer = engine.ReadOptimizer();
        var (weights, moments) = (engine.ReadWeights().Length, optimizer.Moments.Count);
        return (saved.Weights.Length, saved.Optimizer.Moments.Count) != (weights, moments)
                ? $"it has {saved.Weights.Length} weights with {saved.Optimizer.Moments.Count} moments each, where this training has {weights} with {moments}"
            : saved.Optimizer.Numbers.Count != optimizer.Numbers.Count || saved.Optimizer.Numbers.Any(number => !(number >= 0 && double.IsFinite(number)))
                ? $"it has the numbers [{string.Join(", ", saved.Optimizer.Numbers)}] of an optimizer, where this training has {optimizer.Numbers.Count}, none of them negative"
            : saved.States?.Length != engine.ReadStates()?.Length
                ? $"it has states of {saved.States?.Length ?? 0} values, where this training has {engine.ReadStates()?.Length ?? 0}"
            : saved.Epochs.Count > settings.Epochs
                ? $"it has {saved.Epochs.Count} epochs, where this training has {settings.Epochs}"
            : saved.Best is null != settings.EarlyStopping is null
                ? $"it has {(saved.Best is null ? "no" : "a")} best epoch, where this training has {(settings.EarlyStopping is null ? "no " : "")}early stopping"
            : null;
    }

    private void GoOnFrom(TrainingState saved, ITrainingEngine engine)
    {
        _epochs.AddRange(saved.Epochs);
        _best = saved.Best;
        engine.LoadWeights(saved.Weights);
        engine.LoadOptimizer(saved.Optimizer);
        if (saved.States is { } states)
        {
            engine.LoadStates(states);
        }
    }

    /// <summary>Trains one epoch, and tells it and whether all of it is finite.</summary>
    private (TrainingEpoch Epoch, bool Finite) RunEpoch(int epoch, ITrainingEngine engine, int[] order, TrainingData? validation)
    {
        var watch = Stopwatch.StartNew();
        engine.BeginEpoch(epoch);
        engine.Order(order);
        // Not (rows + size - 1) / size, which overflows where the batch size is int.MaxValue.
        var batches = (order.Length - 1L) / settings.BatchSize + 1;
        var schedule = settings.Schedule.After(_epochs);
        var rate = 0.0;
        for (var batch = 0; batch < batches; batch++)
        {
            monitor.CheckCancelled();
            rate = settings.LearningRate * schedule.Factor(new TrainingPosition((epoch - 1) * batches + batch, settings.Epochs * batches));
            var start = batch * settings.BatchSize;
            engine.Step(start, Math.Min(settings.BatchSize, order.Length - start), rate);
        }
        var metrics = engine.ReadMetrics();
        MeanLoss? validated = validation is null ? null : engine.Evaluate(validation, monitor.CheckCancelled);
        double? validationLoss = validated is { } mean ? LossOf(mean) : null;
        var done = new TrainingEpoch(epoch, LossOf(metrics.Training), validationLoss, MetricOf(metrics.Training), validated is { } also ? MetricOf(also) : null, rate,
            metrics.MeanIterations, metrics.WorstIterations, metrics.WorstResidual, metrics.WorstGradientResidual, metrics.UnsolvedRows, metrics.UnsolvedGradientRows, metrics.ContractionBound, watch.Elapsed.TotalSeconds);
        _epochs.Add(done);
        return (done, metrics.WeightsFinite && double.IsFinite(done.TrainingLoss) && double.IsFinite(validationLoss ?? 0));
    }

    private void KeepIfBest(TrainingEpoch epoch, ITrainingEngine engine)
    {
        if (settings.EarlyStopping is { } rule && epoch.ValidationLoss is { } loss && EarlyStopping.IsBetter(loss, _best?.Loss, rule.MinDelta))
        {
            _best = new BestWeights(epoch.Epoch, loss, engine.ReadWeights());
        }
    }

    private bool StopsEarly() => settings.EarlyStopping is { } rule && _best is not null && _epochs.Count - _best.Epoch >= rule.Patience;

    /// <summary>Warns where there are weights to keep, and throws where not.</summary>
    private void Diverged(TrainingEpoch epoch)
    {
        if (_best is null)
        {
            throw Divergence(epoch);
        }
        monitor.Warn($"{Describe(epoch)} The weights of epoch {_best.Epoch}, the best by validation loss, are kept.");
    }

    private DivergenceException Divergence(TrainingEpoch epoch)
    {
        return new DivergenceException($"{Describe(epoch)} {Remedy(settings)}");
    }

    /// <summary>What to do about a training that diverged.</summary>
    /// <param name="settings">How it trained.</param>
    /// <param name="last">What else there is.</param>
    public static string Remedy(TrainingSettings settings, string last = "or, for a DEQ without a rule, set WellPosedness to Spectral")
    {
        string[] changes =
        [
            .. settings is { NormalizeFeatures: true, NormalizeTargets: true } ? Array.Empty<string>() : ["set NormalizeFeatures and NormalizeLabel to true"],
            // An optimizer of full batches has no rate, and takes back a step that leads to no number: such a training began too far off.
            .. settings.Optimizer.IsFullBatch ? ["raise WeightDecay", "set MaxWeightNorm"] : new[] { "lower LearningRate", "set GradientClip" },
            last,
        ];
        var text = string.Join(", ", changes);
        return $"{char.ToUpperInvariant(text[0])}{text[1..]}.";
    }

    private static string Describe(TrainingEpoch epoch)
    {
        var validation = epoch.ValidationLoss is { } loss ? FormattableString.Invariant($" validation loss {loss:G4},") : "";
        return FormattableString.Invariant(
            $"Training diverged in epoch {epoch.Epoch}: training loss {epoch.TrainingLoss:G4},{validation} worst residual {epoch.WorstResidual:G4}, learning rate {epoch.LearningRate:G4}.");
    }
}
