using Deq.MLNet;
using Deq.MLNet.Trainers;
using Deq.MLNet.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(typeof(NetworkRegressionModelParameters), null, typeof(SignatureLoadModel), "Network regression model", NetworkRegressionModelParameters.LoaderSignature)]

namespace Deq.MLNet;

/// <summary>A network fitted for regression: its one output is the Score, in the label's units.</summary>
public sealed class NetworkRegressionModelParameters : NetworkModelParameters<float>
{
    internal const string LoaderSignature = "DeqNetworkRegression";

    internal NetworkRegressionModelParameters(IHostEnvironment environment, TrainedNetwork trained) : base(environment, LoaderSignature, trained) { }

    private NetworkRegressionModelParameters(IHostEnvironment environment, ModelLoadContext context) : base(environment, LoaderSignature, context) { }

    /// <inheritdoc/>
    protected override PredictionKind PredictionKind => PredictionKind.Regression;

    private protected override DataViewType OutputType => NumberDataViewType.Single;

    private protected override Delegate GetMapper()
    {
        var scorer = new RowScorer(Network);
        ValueMapper<VBuffer<float>, float> map = (in VBuffer<float> features, ref float score) => scorer.Score(features, new Span<float>(ref score));
        return map;
    }

    /// <inheritdoc/>
    protected override void SaveCore(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        base.SaveCore(ctx);
    }

    // Version 1: ML.NET's header, and the network in a binary stream of its own format and version.
    private static VersionInfo Version => new("DEQREGR ", 0x00010001, 0x00010001, 0x00010001,
        loaderAssemblyName: typeof(NetworkRegressionModelParameters).Assembly.FullName!, loaderSignature: LoaderSignature);

    /// <summary>Found by ML.NET through reflection when a model is loaded; it must be more visible than the constructor of the same arguments, or ML.NET refuses to choose.</summary>
    internal static NetworkRegressionModelParameters Create(IHostEnvironment environment, ModelLoadContext context)
    {
        context.CheckAtModel(Version);
        return new NetworkRegressionModelParameters(environment, context);
    }
}
