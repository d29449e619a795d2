using Deq.MLNet;
using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;
using Deq.MLNet.Trainers.Scoring;
using Deq.MLNet.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(typeof(NetworkMulticlassModelParameters), null, typeof(SignatureLoadModel), "Network multiclass model", NetworkMulticlassModelParameters.LoaderSignature)]

namespace Deq.MLNet;

/// <summary>A network fitted for K classes: its K outputs are the Score, probabilities that sum to 1.</summary>
public sealed class NetworkMulticlassModelParameters : NetworkModelParameters<VBuffer<float>>
{
    internal const string LoaderSignature = "DeqNetworkMulticlass";

    internal NetworkMulticlassModelParameters(IHostEnvironment environment, TrainedNetwork trained, ExtraColumns extra) : base(environment, Version, trained, extra) { }

    /// <summary>Found by ML.NET through reflection when a model is loaded; it takes this or a static Create, and refuses a type with both.</summary>
    private NetworkMulticlassModelParameters(IHostEnvironment environment, ModelLoadContext context) : base(environment, Version, context, network => network.Link == Link.Softmax) { }

    /// <inheritdoc/>
    protected override PredictionKind PredictionKind => PredictionKind.MulticlassClassification;

    private protected override DataViewType OutputType => new VectorDataViewType(NumberDataViewType.Single, Network.OutputSize);

    private static VersionInfo Version => MakeVersion("DEQMULTI", LoaderSignature);

    /// <inheritdoc/>
    /// <remarks>The outputs are PredictedLabel and Score.</remarks>
    private protected override void WriteOnnx(IOnnxGraph graph, string features, NetworkPlan plan, string[] outputs)
    {
        NetworkGraph.Add(graph, features, plan, (new Readout(Network.Link), outputs[1]));
        NetworkGraph.AddKey(graph, outputs[1], Network.OutputSize, outputs[0]);
    }

    private protected override Delegate GetMapper()
    {
        var scorer = MakeScorer();
        ValueMapper<VBuffer<float>, VBuffer<float>> map = (in VBuffer<float> features, ref VBuffer<float> scores) =>
        {
            var editor = VBufferEditor.Create(ref scores, Network.OutputSize);
            scorer.Score(features, editor.Values);
            scores = editor.Commit();
        };
        return map;
    }

    private protected override IReadOnlyList<ScoreColumn> TaskColumns() =>
        [ScoreColumn.Vector(new(ScoreSchemaFactory.Create(OutputType, AnnotationUtils.Const.ScoreColumnKind.MulticlassClassification)[0]), row => row.Outputs)];
}
