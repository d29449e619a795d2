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

    /// <summary>Found by ML.NET through reflection when a model is loaded; it takes this or a static Create, and refuses a type with both.</summary>
    private NetworkRegressionModelParameters(IHostEnvironment environment, ModelLoadContext context) : base(environment, LoaderSignature, Checked(context)) { }

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
        loaderAssemblyName: typeof(NetworkRegressionModelParameters).Assembly.FullName, loaderSignature: LoaderSignature);

    private static ModelLoadContext Checked(ModelLoadContext context)
    {
        MLNetMembers.EnsurePresent();
        context.CheckAtModel(Version);
        return context;
    }
}
