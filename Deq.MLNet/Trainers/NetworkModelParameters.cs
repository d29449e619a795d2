using Deq.MLNet.Onnx;
using Deq.MLNet.Storage;
using Deq.MLNet.Trainers;
using Deq.MLNet.Trainers.Onnx;
using Deq.MLNet.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Model.OnnxConverter;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Deq.MLNet;

/// <summary>A fitted model: the network, and what is known of its training. It is scored row by row without native libraries.</summary>
/// <typeparam name="TOutput">What ML.NET's scorer reads: a number, or a vector of K.</typeparam>
public abstract class NetworkModelParameters<TOutput> : ModelParametersBase<TOutput>, IValueMapper, ISingleCanSaveOnnx, INetworkModel
{
    private const string NetworkStream = "Network.bin";

    private readonly VersionInfo _version;

    private protected NetworkModelParameters(IHostEnvironment environment, VersionInfo version, TrainedNetwork trained) : base(environment, version.LoaderSignature)
    {
        _version = version;
        Network = trained.Network;
        History = trained.History;
        Equilibrium = trained.Equilibrium;
    }

    private protected NetworkModelParameters(IHostEnvironment environment, VersionInfo version, ModelLoadContext context)
        : base(environment, version.LoaderSignature, Checked(context, version))
    {
        _version = version;
        Network? network = null;
        if (!context.TryLoadBinaryStream(NetworkStream, reader => network = NetworkFormat.Read(reader.BaseStream)))
        {
            throw new ModelFormatException($"The model holds no stream {NetworkStream}.");
        }
        Network = network!;
    }

    /// <summary>The network: a <see cref="DeqNetwork"/> or an <see cref="FnnNetwork"/>, with its weights.</summary>
    public Network Network { get; }

    /// <summary>The training, epoch by epoch; null for a model that was loaded.</summary>
    public TrainingHistory? History { get; }

    /// <summary>How the equilibria of training rows (up to 2,048, evenly spread) are found in scoring; null for a feed-forward network and for a model that was loaded.</summary>
    public SolveReport? Equilibrium { get; }

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
        var options = (ctx as GraphContext)?.Options ?? new OnnxExportOptions();
        WriteOnnx(new ContextGraph(ctx), featureColumn, OnnxExporter.Steps(Network, options), outputNames);
        return true;
    }

    /// <summary>Writes the network to a graph, with the outputs of the task under the names that ML.NET's scorer of the task has for them.</summary>
    private protected abstract void WriteOnnx(IOnnxGraph graph, string features, int steps, string[] outputs);

    /// <summary>A delegate with scratch of its own, for one cursor.</summary>
    private protected abstract Delegate GetMapper();

    /// <inheritdoc/>
    protected override void SaveCore(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(_version);
        base.SaveCore(ctx);
        ctx.SaveBinaryStream(NetworkStream, writer => NetworkFormat.Write(Network, writer.BaseStream));
    }

    /// <summary>Version 1: ML.NET's header, what the task adds, and the network in a binary stream of its own format and version.</summary>
    private protected static VersionInfo MakeVersion(string signature, string loaderSignature) => new(signature, 0x00010001, 0x00010001, 0x00010001,
        loaderAssemblyName: typeof(NetworkModelParameters<TOutput>).Assembly.FullName, loaderSignature: loaderSignature);

    private static ModelLoadContext Checked(ModelLoadContext context, VersionInfo version)
    {
        MLNetMembers.EnsurePresent();
        context.CheckAtModel(version);
        return context;
    }
}
