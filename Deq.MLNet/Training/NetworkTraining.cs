using Deq.MLNet.Networks;
using Deq.MLNet.Training.Initial;

namespace Deq.MLNet.Training;

/// <summary>A network with what is known of how it came about.</summary>
/// <param name="Network">The network, over the data's own units.</param>
/// <param name="History">The training, epoch by epoch.</param>
/// <param name="Equilibrium">How the equilibria of training rows are found in scoring; null for a feed-forward network.</param>
/// <param name="Sample">The training rows, in their own units, that a finished deep equilibrium network is measured on: up to 2,048, evenly spread.</param>
/// <param name="Calibration">For two classes Platt's two numbers; null where they are not needed, or there are no validation rows to fit them to.</param>
/// <param name="GivesProbabilities">Whether what was trained is a probability without further ado.</param>
internal sealed record TrainedNetwork(Network Network, TrainingHistory History, SolveReport? Equilibrium = null, IReadOnlyList<ReadOnlyMemory<float>>? Sample = null, PlattCalibration? Calibration = null, bool GivesProbabilities = false);

/// <summary>From rows to a network: splits off validation rows, standardises, trains on an engine, folds the scaling into the weights, measures the result.</summary>
internal static class NetworkTraining
{
    /// <summary>Rows on which the finished network is measured, at the most.</summary>
    internal const int MostMeasuredRows = 2048;

    /// <summary>Trains a network.</summary>
    /// <param name="settings">How.</param>
    /// <param name="createEngine">Makes an engine that starts from the network given, with settings over standardised rows.</param>
    /// <param name="data">Training rows. They are this method's from now on: it brings them to standard units in place, and an engine may share their memory.</param>
    /// <param name="validation">Rows for the validation loss, given over likewise; null to split off a share of the training rows where the settings ask for it.</param>
    /// <param name="initial">The network to start from, over the data's own units, with as many units as the architecture or fewer; null for random weights.</param>
    /// <param name="monitor">Who is told.</param>
    /// <param name="checkpoint">Where the state of the training is kept, and resumed from; null for nowhere.</param>
    public static TrainedNetwork Fit(TrainingSettings settings, Func<TrainingSettings, Network, ITrainingEngine> createEngine, TrainingData data, TrainingData? validation,
        Network? initial, ITrainingMonitor monitor, ITrainingCheckpoint? checkpoint = null)
    {
        var saved = checkpoint?.Begin(TrainingIdentity.Of(settings, data, validation, initial));
        if (saved is not null)
        {
            monitor.Info($"The checkpoint holds {saved.Epochs.Count} of {settings.Epochs} epochs; training goes on from there.");
        }
        if (validation is null && settings.ValidationFraction > 0)
        {
            (data, validation) = Split(data, settings);
        }
        if (initial is not null && (initial.InputSize, initial.OutputSize) != (data.FeatureCount, settings.Outputs))
        {
            throw new DeqException($"The model to start from has {initial.InputSize} features and {initial.OutputSize} outputs; the rows have {data.FeatureCount} and {settings.Outputs}. Give rows of the same columns, or start without the model.");
        }
        if (settings.EarlyStopping is not null && validation is null)
        {
            throw new DeqException("EarlyStopping needs validation rows: set ValidationFraction, or call Fit(trainData, validationData: ...).");
        }
        if (data.TargetCount != 1)
        {
            throw new NotSupportedException($"Rows have {data.TargetCount} targets; a network is trained on one.");
        }
        foreach (var rows in validation is null ? [data] : new[] { data, validation })
        {
            Standardization.CheckLabels(settings.Loss, rows);
            rows.NormalizeWeights();
        }
        var adopted = initial is null ? null : Adopt(settings, initial, monitor);
        var measured = settings.Architecture is DeqArchitecture deq ? MeasuredRows(data, deq) : [];
        if (settings.Epochs == 0)
        {
            return Finish(settings, Untrained(settings, adopted), adopted!, adopted!, validation, measured, monitor);
        }
        var scaling = Standardization.Learn(data, settings);
        var given = adopted is null ? null : ToStandardUnits(scaling, adopted);
        var classWeights = settings.ClassWeights?.Learn(data, settings.Loss is BinaryLoss ? 2 : settings.Outputs);
        var (train, held) = (ForEngine(data), validation is null ? null : ForEngine(validation));
        var starts = new NetworkStarts(settings, scaling, data, given);
        var inUnits = settings with { Loss = settings.Loss.InStandardUnits(scaling.TargetUnit), FrozenUnits = starts.GivenUnits };
        ITrainingEngine Create(Network start) => createEngine(inUnits, start);

        CheckStarts(settings, given);
        var start = starts.Make(0);
        IReadOnlyList<TrainingEpoch> chosen = [];
        if (settings.Starts is { Count: > 1 } && saved is null)
        {
            (start, saved) = new StartSelection(settings, scaling.TargetUnit, starts.Make, Create, monitor).Choose(train, held);
            checkpoint?.Write(saved);
            chosen = saved.Epochs;
        }
        TellOfStart(settings, given, start, monitor);
        using var engine = Create(start);
        for (var epoch = 0; epoch < chosen.Count; epoch++)
        {
            UnsolvedRows.Tell(settings, engine.Kind, [.. chosen.Take(epoch + 1)], monitor);
            monitor.EpochDone(chosen[epoch]);
        }
        var history = new TrainingLoop(settings, scaling.TargetUnit, monitor).Run(engine, train, held, checkpoint, saved);
        monitor.CheckCancelled();
        var standard = engine.ToNetwork();
        return Finish(settings, history, standard, ToDataUnits(settings, scaling, standard), validation, measured, monitor);

        TrainingData ForEngine(TrainingData rows)
        {
            scaling.Apply(rows);
            return classWeights is null ? rows : ClassWeights.Apply(classWeights, rows);
        }
    }

    /// <summary>What was trained, calibrated and measured.</summary>
    /// <param name="settings">How it was trained.</param>
    /// <param name="history">The training.</param>
    /// <param name="scored">The network over the units that the validation rows are in.</param>
    /// <param name="network">The network over the data's own units.</param>
    /// <param name="validation">Validation rows; null for none.</param>
    /// <param name="measured">Training rows in their own units.</param>
    /// <param name="monitor">Who is told.</param>
    private static TrainedNetwork Finish(TrainingSettings settings, TrainingHistory history, Network scored, Network network, TrainingData? validation, ReadOnlyMemory<float>[] measured, ITrainingMonitor monitor)
    {
        var needsCalibration = settings.Loss is BinaryLoss && !settings.GivesProbabilities;
        var trained = new TrainedNetwork(network, history, Calibration: needsCalibration && validation is not null ? Platt.Fit(scored, validation, monitor) : null, GivesProbabilities: settings.GivesProbabilities);
        return network is DeqNetwork deq ? Measure(trained, deq, measured, monitor) : trained;
    }

    /// <summary>The history of no training: the network given is the model.</summary>
    private static TrainingHistory Untrained(TrainingSettings settings, Network? adopted)
    {
        if (adopted is null)
        {
            throw new DeqException("Epochs is 0, which takes the network of InitialNetwork, or of the model that Fit is given, as it is; neither is there. Give one, or set Epochs.");
        }
        if (!settings.Architecture.IsWhole(adopted))
        {
            throw new DeqException($"Epochs is 0, so that nothing is trained and no units are added, and the network to start from has fewer than this trainer's: {string.Join(", ", settings.Architecture.UnitsOf(adopted))} in its layers. Set the sizes to its, or set Epochs.");
        }
        if (adopted is DeqNetwork { Certificate: { RuleHolds: false } certificate })
        {
            throw new DeqException($"Epochs is 0, so that the network stays as it is, and it breaks this trainer's rule. {certificate.Violation}, or set WellPosedness to None.");
        }
        if (settings.MaxWeightNorm is { } limit && BoundedRows.LargestOf(adopted) is var largest && largest > limit)
        {
            throw new DeqException(FormattableString.Invariant($"Epochs is 0, so that the network stays as it is, and it has a row of weights, or a bias, of the sum of magnitudes {largest:G4}, above MaxWeightNorm {limit:G4}. Raise MaxWeightNorm, set it to null, or set Epochs."));
        }
        return new TrainingHistory([], 0, settings.Seed, "cpu", Engine.Auto);
    }

    /// <summary>Refuses options that would do nothing for want of a network to start from, or because every start would be the same.</summary>
    private static void CheckStarts(TrainingSettings settings, Network? given)
    {
        if (given is null && settings.FrozenEpochs > 0)
        {
            throw new DeqException("FrozenEpochs is set, which keeps the units of a network to start from, and there is none. Set InitialNetwork, give Fit a model, or leave FrozenEpochs 0.");
        }
        if (given is null && settings.Starts is { Perturbation: > 0 })
        {
            throw new DeqException("Starts has a perturbation, which is of a network to start from, and there is none. Set InitialNetwork, give Fit a model, or leave it 0.");
        }
        if (settings.Starts is { Count: > 1, Perturbation: 0 } && given is not null && settings.Architecture.IsWhole(given))
        {
            throw new DeqException("Starts asks for several, and all would be the same: the network to start from has all the units of this trainer's. Give Starts a perturbation, or more units than the network has.");
        }
    }

    /// <summary>Tells where units were added so that the rule is broken, and where the weights given are above their limit.</summary>
    private static void TellOfStart(TrainingSettings settings, Network? given, Network start, ITrainingMonitor monitor)
    {
        if (settings.Architecture is DeqArchitecture { Rule: not (StrictlyTriangularRule or DiagonalRule) } rule && given is DeqNetwork deq && rule.Keeps(deq) && !rule.Keeps((DeqNetwork)start))
        {
            monitor.Warn($"With the states added, W is projected onto {rule.Rule}, so training starts from another function than that of the model to start from.");
        }
        if (given is not null && settings.MaxWeightNorm is { } limit && BoundedRows.LargestOf(given) is var largest && largest > limit)
        {
            monitor.Warn(FormattableString.Invariant($"The model to start from has a row of weights, or a bias, of the sum of magnitudes {largest:G4} on the rows' scale, above MaxWeightNorm {limit:G4}: it is scaled down, so training starts from another function. Raise MaxWeightNorm to start from the same."));
        }
    }

    private static Network Adopt(TrainingSettings settings, Network initial, ITrainingMonitor monitor)
    {
        if (initial.Link != settings.Loss.Link)
        {
            throw new DeqException($"The model to start from has the link {initial.Link}; the loss {settings.Loss} has the link {settings.Loss.Link}. Choose the loss that the model was trained with, or start without it.");
        }
        var network = settings.Architecture.Adopt(initial);
        // With no epochs a breach is refused.
        if (settings.Epochs > 0 && network is DeqNetwork deq && settings.Architecture is DeqArchitecture training && !training.Keeps(deq))
        {
            monitor.Warn($"The model to start from breaks this trainer's rule: its W is projected onto it, so training starts from another function. {Breach(deq.Certificate, training)}");
        }
        return network;
    }

    /// <summary>In what a start breaks the rule of its training, and the rule under which it would not.</summary>
    private static string Breach(Certificate certificate, DeqArchitecture training)
    {
        if (training.TrainingBound is not { } bound || certificate.Rule.AsksForForm && !certificate.IsProved)
        {
            return $"{certificate.Violation}, or set WellPosedness to None to start from the same.";
        }
        // The projections' own bounds are up to 2 percent above what they bound.
        var enough = Math.Ceiling(1020 * certificate.ContractionFactor / (1 - training.Dropout)) / 1000;
        var remedy = enough < 1 ? FormattableString.Invariant($"{((ContractionRule)training.Rule).Name}({enough}) or more") : "None";
        var (under, lower) = training.Dropout == 0 ? ("", "Set") : (FormattableString.Invariant($", which under a Dropout of {training.Dropout} allows {bound:G4}"), "Lower Dropout, or set");
        return FormattableString.Invariant($"It has the contraction factor {certificate.ContractionFactor:G4}, above {training.Rule}{under}. {lower} WellPosedness to {remedy} to start from the same.");
    }

    private static Network ToStandardUnits(Standardization scaling, Network network)
    {
        try
        {
            return scaling.ToStandardUnits(network);
        }
        catch (ArgumentException notFinite)
        {
            throw new DeqException($"The model to start from cannot be expressed in the scale of these rows: a weight leaves float32. Start without it, or rescale features and label. {notFinite.Message}", notFinite);
        }
    }

    private static Network ToDataUnits(TrainingSettings settings, Standardization scaling, Network network)
    {
        try
        {
            return scaling.ToDataUnits(network);
        }
        catch (ArgumentException notFinite)
        {
            throw new DivergenceException($"Training diverged: a weight that is finite for standardised rows leaves float32 in the data's own units. {TrainingLoop.Remedy(settings, "or rescale features and label")} {notFinite.Message}", notFinite);
        }
    }

    /// <summary>Evenly spread rows in the data's own units; fewer where d is so large that the measurement would cost as much as the training.</summary>
    private static ReadOnlyMemory<float>[] MeasuredRows(TrainingData data, DeqArchitecture deq)
    {
        // A few linear systems of d states for the twenty or more products with W of other methods.
        var size = (double)deq.StatesFor(data.FeatureCount);
        var work = size * size * (deq.Scoring.Solver is Newton ? Math.Max(1, size / 8) : 1);
        var affordable = (int)Math.Clamp((1 << 27) / work, 16, MostMeasuredRows);
        var rows = new ReadOnlyMemory<float>[Math.Min(data.Rows, affordable)];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = data.Row((int)((long)i * data.Rows / rows.Length)).ToArray();
        }
        return rows;
    }

    private static TrainedNetwork Measure(TrainedNetwork trained, DeqNetwork network, ReadOnlyMemory<float>[] rows, ITrainingMonitor monitor)
    {
        var report = network.SolveRows(rows);
        if (report.Unsolved > 0)
        {
            var status = report.Count(SolveStatus.Diverged) > 0 ? SolveStatus.Diverged : SolveStatus.IterationLimit;
            monitor.Warn(FormattableString.Invariant($"The equilibrium of {report.Unsolved} of {rows.Length} training rows was not found within {network.Scoring.MaxIterations} iterations (worst residual {report.WorstResidual:G3}, contraction factor {network.Certificate.ContractionFactor:G3}, estimated {report.EstimatedContraction:G3}). {status.Advice()}"));
        }
        monitor.CheckCancelled();
        return trained with { Equilibrium = report, Sample = rows };
    }

    private static (TrainingData Train, TrainingData Validation) Split(TrainingData data, TrainingSettings settings)
    {
        var order = Enumerable.Range(0, data.Rows).ToArray();
        new Random(settings.Seed).Shuffle(order);
        var held = (int)Math.Round(settings.ValidationFraction * data.Rows);
        if (held < 1 || held >= data.Rows)
        {
            throw new DeqException(FormattableString.Invariant($"ValidationFraction {settings.ValidationFraction} of {data.Rows} rows leaves {data.Rows - held} to train on and {held} to validate on; both need at least one."));
        }
        return (data.Select(order.AsSpan(held)), data.Select(order.AsSpan(0, held)));
    }
}
