using Deq.MLNet;
using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;
using Deq.MLNet.Trainers.Scoring;
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

    internal NetworkRegressionModelParameters(IHostEnvironment environment, TrainedNetwork trained, ExtraColumns extra) : base(environment, Version, trained, extra) { }

    /// <summary>Found by ML.NET through reflection when a model is loaded; it takes this or a static Create, and refuses a type with both.</summary>
    private NetworkRegressionModelParameters(IHostEnvironment environment, ModelLoadContext context) : base(environment, Version, context, network => network is { OutputSize: 1, Link: Link.Identity or Link.Exp }) { }

    /// <inheritdoc/>
    protected override PredictionKind PredictionKind => PredictionKind.Regression;

    private protected override DataViewType OutputType => NumberDataViewType.Single;

    private static VersionInfo Version => MakeVersion("DEQREGR ", LoaderSignature);

    /// <inheritdoc/>
    private protected override void WriteOnnx(IOnnxGraph graph, string features, NetworkPlan plan, string[] outputs) =>
        NetworkGraph.Add(graph, features, plan, (new Readout(Network.Link), outputs[0]));

    private protected override Delegate GetMapper()
    {
        var scorer = MakeScorer();
        ValueMapper<VBuffer<float>, float> map = (in VBuffer<float> features, ref float score) => scorer.Score(features, new Span<float>(ref score));
        return map;
    }

    private protected override IReadOnlyList<ScoreColumn> TaskColumns() =>
        [ScoreColumn.Scalar(new(ScoreSchemaFactory.Create(OutputType, AnnotationUtils.Const.ScoreColumnKind.Regression)[0]), row => row.Outputs[0])];
}
