using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;
using Deq.MLNet.Trainers;
using Deq.MLNet.Trainers.Scoring;
using Deq.MLNet.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Deq.MLNet;

/// <summary>
/// The one trainer behind all of this library's: it reads the rows, trains a network on the device asked for, and reports through ML.NET's channels.
/// A trainer of a task adds its columns and its model.
/// </summary>
public abstract class NetworkTrainer<TTransformer, TModel> : TrainerEstimatorBase<TTransformer, TModel>
    where TTransformer : ISingleFeaturePredictionTransformer<TModel>
    where TModel : class
{
    private static readonly TrainerInfo TrainerInfo = new(normalization: false, calibration: false, caching: false, supportValid: true, supportIncrementalTrain: true);

    private readonly TrainingSettings _settings; // all but the number of classes
    private readonly Engine _engine;
    private readonly string? _device;
    private readonly Action<TrainingEpoch>? _onEpoch;
    private readonly Checkpoint? _checkpoint;
    private readonly Network? _initialNetwork;
    private readonly bool _seedIsRandom;
    private readonly CancellationToken _cancellation;

    private protected NetworkTrainer(IHostEnvironment environment, string name, NetworkTrainerOptions options, SchemaShape.Column label)
        : base(environment.Register(name), TrainerUtils.MakeR4VecFeature(options.FeatureColumnName), label,
            TrainerUtils.MakeR4ScalarWeightColumn(options.ExampleWeightColumnName))
    {
        // Not Host.Rand: it moves from fit to fit, so that two fits of one pipeline would differ.
        var seed = options.Seed ?? ((IHostEnvironmentInternal)Host).Seed;
        _seedIsRandom = seed is null;
        _settings = options.ToSettings(seed ?? Random.Shared.Next());
        _checkpoint = options.Checkpoint;
        _initialNetwork = options.InitialNetwork;
        Extra = options.GetExtraColumns();
        _device = options.CheckDevice();
        _engine = options.CheckEngine(_settings);
        _settings = _settings with { Engines = _engine == Engine.Direct ? nameof(Engine.Direct) : TrainingSettings.SharedEngines };
        _onEpoch = options.OnEpoch;
        _cancellation = options.CancellationToken;
    }

    /// <inheritdoc/>
    public override TrainerInfo Info => TrainerInfo;

    /// <summary>Trains with rows for the validation loss, which early stopping goes by.</summary>
    /// <param name="trainData">Training rows.</param>
    /// <param name="validationData">Validation rows, with the same columns. To pass null, name the argument.</param>
    /// <returns>The fitted transformer.</returns>
    /// <exception cref="DeqException">The rows cannot be trained on, or the file of Checkpoint is of another training.</exception>
    /// <exception cref="TorchBackendException">libtorch or the device cannot be used, or failed; the message gives the remedy where one is known.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory; the message gives the options to change.</exception>
    /// <exception cref="DivergenceException">Loss or weights stopped being finite.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    /// <exception cref="IOException">The file of Checkpoint cannot be written.</exception>
    /// <exception cref="ModelFormatException">The file of Checkpoint is damaged.</exception>
    public TTransformer Fit(IDataView trainData, IDataView? validationData) => TrainTransformer(trainData, validationData);

    /// <summary>Trains on from the weights of a fitted model: it starts as the same function, also where the new rows are scaled differently.
    /// Where the model's W breaks this trainer's rule, it is scaled down, with a warning.</summary>
    /// <param name="trainData">Training rows.</param>
    /// <param name="modelParameters">A model of the same kind and activation, and of the same sizes or smaller ones (<see cref="NetworkTrainerOptions.InitialNetwork"/>); for classes, of the same classes in the same order, which the model does not tell. To pass null, name the argument.</param>
    /// <returns>The fitted transformer.</returns>
    /// <exception cref="DeqException">The model's shape is not that of the options, the rows cannot be trained on, or the file of Checkpoint is of another training.</exception>
    /// <exception cref="TorchBackendException">libtorch or the device cannot be used, or failed; the message gives the remedy where one is known.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory; the message gives the options to change.</exception>
    /// <exception cref="DivergenceException">Loss or weights stopped being finite.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    /// <exception cref="IOException">The file of Checkpoint cannot be written.</exception>
    /// <exception cref="ModelFormatException">The file of Checkpoint is damaged.</exception>
    public TTransformer Fit(IDataView trainData, TModel? modelParameters) => TrainTransformer(trainData, null, (IPredictor?)modelParameters);

    /// <summary>Trains on from the weights of a fitted model, with rows for the validation loss.</summary>
    /// <param name="trainData">Training rows.</param>
    /// <param name="validationData">Validation rows, with the same columns.</param>
    /// <param name="modelParameters">A model of the same kind and activation, and of the same sizes or smaller ones.</param>
    /// <returns>The fitted transformer.</returns>
    /// <exception cref="DeqException">The model's shape is not that of the options, the rows cannot be trained on, or the file of Checkpoint is of another training.</exception>
    /// <exception cref="TorchBackendException">libtorch or the device cannot be used, or failed; the message gives the remedy where one is known.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory; the message gives the options to change.</exception>
    /// <exception cref="DivergenceException">Loss or weights stopped being finite.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    /// <exception cref="IOException">The file of Checkpoint cannot be written.</exception>
    /// <exception cref="ModelFormatException">The file of Checkpoint is damaged.</exception>
    public TTransformer Fit(IDataView trainData, IDataView? validationData, TModel? modelParameters) =>
        TrainTransformer(trainData, validationData, (IPredictor?)modelParameters);

    private protected ExtraColumns Extra { get; }

    private protected abstract TModel MakeModel(TrainedNetwork trained);

    /// <summary>The same, with the errors of its forms in an export measured; readouts are what the model gives, none for the network's own outputs.</summary>
    private protected static TrainedNetwork WithCurves(TrainedNetwork trained, params IReadOnlyList<Readout> readouts) =>
        trained is { Network: DeqNetwork deq, Sample: { } rows } ? trained with { Network = deq.WithCurves(CurveMeasurement.All(deq, rows, readouts)) } : trained;

    /// <summary>K, the affine outputs that the label asks for; throws where the column cannot be the label of the task.</summary>
    private protected abstract int CheckLabel(RoleMappedData data);

    /// <inheritdoc/>
    protected sealed override TModel TrainModelCore(TrainContext trainContext)
    {
        using var channel = Host.Start("Training");
        using var progress = Host.StartProgressChannel(GetType().Name);
        var monitor = new HostMonitor(Host, channel, progress, _settings.Epochs, _onEpoch, _cancellation);
        var settings = _settings with { Outputs = CheckLabel(trainContext.TrainingSet) };
        // Where nothing is trained, no engine is needed, nor what it needs.
        var engine = settings.Epochs == 0 ? null : ChosenEngine.Choose(_engine, settings.Architecture, _device, (IHostEnvironmentInternal)Host, channel);
        engine?.TellOf(settings.MatmulPrecision, channel);
        var checkpoint = _checkpoint is null ? null : new CheckpointFile(_checkpoint);
        checkpoint?.CheckWritable();
        var (train, validation) = ReadRows(trainContext, settings.Outputs, channel, monitor);
        if (_seedIsRandom && checkpoint?.ReadSeed() is { } seed)
        {
            // It gives way to that of the training in the file, or none could go on.
            settings = settings with { Seed = seed };
        }
        var held = validation is null && _settings.ValidationFraction > 0 ? FormattableString.Invariant($"a share of {_settings.ValidationFraction} held out for validation") : $"{validation?.Rows ?? 0} validation rows";
        var what = engine is null ? "Taking the network to start from as it is" : $"Training with {engine.Engine} on {engine.NamedDevice}";
        channel.Info($"{what}: {train.Rows} rows, {train.FeatureCount} features, {held}, seed {settings.Seed}.");
        var initial = (trainContext.InitialPredictor as INetworkModel)?.Network ?? _initialNetwork;
        var trained = NetworkTraining.Fit(settings, engine is null ? (_, _) => throw new InvalidOperationException("Nothing is trained.") : engine.Create, train, validation, initial, monitor, checkpoint);
        var model = MakeModel(trained);
        monitor.CheckCancelled();
        return model;
    }

    private (TrainingData Training, TrainingData? Validation) ReadRows(TrainContext context, int outputs, IChannel channel, HostMonitor monitor)
    {
        if (context.ValidationSet is not { } rows)
        {
            return (Read(context.TrainingSet, "training"), null);
        }
        // Before hours of reading and training.
        if (CheckLabel(rows) is var classes && classes != outputs)
        {
            throw channel.ExceptParam("validationData", $"Validation rows have a label of {classes} classes, training rows one of {outputs}. Make both keys by one mapping.");
        }
        if (LabelKeys.FirstDifference(context.TrainingSet.Schema, rows.Schema) is { } difference)
        {
            throw channel.ExceptParam("validationData", $"The labels of validation rows have other keys than those of training rows: {difference}. Make both keys by one mapping.");
        }
        var (training, validation) = (Read(context.TrainingSet, "training"), Read(rows, "validation"));
        return validation.FeatureCount == training.FeatureCount
            ? (training, validation)
            : throw channel.ExceptParam("validationData", $"Validation rows have {validation.FeatureCount} features, training rows {training.FeatureCount}.");

        TrainingData Read(RoleMappedData data, string purpose) => RowReader.Read(data, purpose, channel, monitor.CheckCancelled);
    }

    /// <inheritdoc/>
    protected sealed override SchemaShape.Column[] GetOutputColumnsCore(SchemaShape inputSchema) => [.. GetTaskColumns(inputSchema), .. Extra.Promised()];

    private protected abstract SchemaShape.Column[] GetTaskColumns(SchemaShape inputSchema);

    private protected static SchemaShape.Column PromisedScore(SchemaShape.Column.VectorKind kind, IEnumerable<SchemaShape.Column> annotations) =>
        new(DefaultColumnNames.Score, kind, NumberDataViewType.Single, false, new SchemaShape(annotations));
}
