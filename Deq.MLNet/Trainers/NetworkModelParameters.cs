using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;
using Deq.MLNet.Storage;
using Deq.MLNet.Trainers;
using Deq.MLNet.Trainers.Onnx;
using Deq.MLNet.Trainers.Scoring;
using Deq.MLNet.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Model.OnnxConverter;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Deq.MLNet;

/// <summary>A fitted model: the network, and what is known of its training. It is scored row by row without native libraries.</summary>
/// <typeparam name="TOutput">What ML.NET's scorer reads: a number, or a vector of K.</typeparam>
public abstract class NetworkModelParameters<TOutput> : ModelParametersBase<TOutput>, IValueMapper, IBindableCanSaveOnnx, ISingleCanSaveOnnx, INetworkModel
{
    private const string NetworkStream = "Network.bin", TrainingStream = "Training.json";

    private readonly VersionInfo _version;
    private readonly ExtraColumns _extra;

    private protected NetworkModelParameters(IHostEnvironment environment, VersionInfo version, TrainedNetwork trained, ExtraColumns extra) : base(environment, version.LoaderSignature)
    {
        (_version, _extra) = (version, extra);
        Network = trained.Network;
        Record = new TrainingRecord(trained.History, trained.Equilibrium, trained.Calibration, trained.GivesProbabilities);
    }

    private protected NetworkModelParameters(IHostEnvironment environment, VersionInfo version, ModelLoadContext context, Predicate<Network> isOfTask)
        : base(environment, version.LoaderSignature, Checked(context, version))
    {
        _version = version;
        Network = Load(context, NetworkStream, NetworkFormat.Read);
        if (!isOfTask(Network))
        {
            throw new ModelFormatException($"The model's network has {Network.OutputSize} outputs and the link {Network.Link}, which are not those of its task, {version.LoaderSignature}. Save or copy the model again.");
        }
        Record = Load(context, TrainingStream, TrainingRecord.Read);
        if ((Equilibrium is null) != (Network is FnnNetwork))
        {
            throw new ModelFormatException($"The record of the training is of another network: this one is {(Network is FnnNetwork ? "feed-forward" : "a deep equilibrium network")}. Save or copy the model again.");
        }
        _extra = ExtraColumns.Read(context, Network);
    }

    /// <summary>The network: a <see cref="DeqNetwork"/> or an <see cref="FnnNetwork"/>, with its weights.</summary>
    public Network Network { get; }

    /// <summary>The training, epoch by epoch. It is saved with the model.</summary>
    public TrainingHistory History => Record.History;

    /// <summary>How the equilibria of training rows (up to 2,048, evenly spread) are found in scoring; null for a feed-forward network. It is saved with the model.</summary>
    public SolveReport? Equilibrium => Record.Equilibrium;

    IEnumerable<string> INetworkModel.SolveColumns => _extra.Promised().Select(column => column.Name);

    private protected TrainingRecord Record { get; }

    DataViewType IValueMapper.InputType => new VectorDataViewType(NumberDataViewType.Single, Network.InputSize);

    DataViewType IValueMapper.OutputType => OutputType;

    private protected abstract DataViewType OutputType { get; }

    ValueMapper<TSource, TTarget> IValueMapper.GetMapper<TSource, TTarget>() =>
        GetMapper() as ValueMapper<TSource, TTarget> ?? throw Host.ExceptNotSupp($"The model maps a vector of Single to {OutputType}, not {typeof(TSource)} to {typeof(TTarget)}.");

    bool ICanSaveOnnx.CanSaveOnnx(OnnxContext ctx) => true;

    /// <summary>Writes the network, unrolled by the options of an export of this library, else by the defaults; throws where its error cannot be met, as a graph without it would be wrong.</summary>
    bool ISingleCanSaveOnnx.SaveAsOnnx(OnnxContext ctx, string[] outputNames, string featureColumn)
    {
        ctx.CheckOpSetVersion(NetworkGraph.MinOpset, _version.LoaderSignature);
        var own = ctx as GraphContext;
        var plan = OnnxExporter.Plan(Network, own?.Settings ?? new OnnxExportOptions().Settings, own?.CalibrationRows, OnnxReadouts);
        WriteOnnx(new ContextGraph(ctx), featureColumn, plan, outputNames);
        own?.Plans.Add(plan);
        return true;
    }

    /// <summary>Writes the network to a graph, with the outputs of the task under the names that ML.NET's scorer of the task has for them.</summary>
    private protected abstract void WriteOnnx(IOnnxGraph graph, string features, NetworkPlan plan, string[] outputs);

    /// <summary>What the model gives of the network's outputs, by which the error of an export is measured.</summary>
    private protected virtual IReadOnlyList<Readout> OnnxReadouts => [new Readout(Network.Link)];

    /// <summary>A delegate with scratch of its own, for one thread.</summary>
    private protected abstract Delegate GetMapper();

    private protected virtual RowScorer MakeScorer() => new(Network, appliesLink: true);

    /// <summary>The columns of the task, Score the first of them.</summary>
    private protected abstract IReadOnlyList<ScoreColumn> TaskColumns();

    ISchemaBoundMapper ISchemaBindableMapper.Bind(IHostEnvironment env, RoleMappedSchema schema)
    {
        var columns = TaskColumns();
        var extra = _extra.Delivered(columns[0].Column.Annotations, (Network as DeqNetwork)?.StateSize ?? 0);
        return new BoundScorer(env, this, schema, Network.InputSize, [.. columns, .. extra], MakeScorer);
    }

    /// <summary>Writes the task's columns; a graph does not have those of a row's solve.</summary>
    bool IBindableCanSaveOnnx.SaveAsOnnx(OnnxContext ctx, RoleMappedSchema schema, string[] outputNames)
    {
        var features = schema.Feature!.Value.Name;
        var ofTask = outputNames.Length - _extra.Count;
        if (!ctx.ContainsColumn(features) || !((ISingleCanSaveOnnx)this).SaveAsOnnx(ctx, outputNames[..ofTask], ctx.GetVariableName(features)))
        {
            return false;
        }
        foreach (var name in outputNames[ofTask..])
        {
            ctx.RemoveVariable(name, true);
        }
        return true;
    }

    /// <inheritdoc/>
    protected override void SaveCore(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(_version);
        base.SaveCore(ctx);
        _extra.Write(ctx);
        ctx.SaveBinaryStream(NetworkStream, writer => NetworkFormat.Write(Network, writer.BaseStream));
        ctx.SaveBinaryStream(TrainingStream, writer => Record.Write(writer.BaseStream));
    }

    private static T Load<T>(ModelLoadContext context, string name, Func<Stream, T> read) where T : class
    {
        T? content = null;
        return context.TryLoadBinaryStream(name, reader => content = read(reader.BaseStream)) ? content! : throw new ModelFormatException($"The model holds no stream {name}. Save or copy the model again.");
    }

    /// <summary>Version 1: ML.NET's header, the extra columns, the network in a binary stream of its own format and version, and the record of the training.</summary>
    private protected static VersionInfo MakeVersion(string signature, string loaderSignature) => new(signature, 0x00010001, 0x00010001, 0x00010001,
        loaderAssemblyName: typeof(NetworkModelParameters<TOutput>).Assembly.FullName, loaderSignature: loaderSignature);

    private static ModelLoadContext Checked(ModelLoadContext context, VersionInfo version)
    {
        MLNetMembers.EnsurePresent();
        context.CheckAtModel(version);
        return context;
    }
}
