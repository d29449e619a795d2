using Deq.MLNet;
using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;
using Deq.MLNet.Trainers.Scoring;
using Deq.MLNet.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(typeof(NetworkBinaryModelParameters), null, typeof(SignatureLoadModel), "Network binary model", NetworkBinaryModelParameters.LoaderSignature)]

namespace Deq.MLNet;

/// <summary>A network fitted for two classes: the Score is its affine output, above 0 for true; the Probability is that of true.</summary>
public sealed class NetworkBinaryModelParameters : NetworkModelParameters<float>, IValueMapperDist, IDistPredictorProducing<float, float>
{
    internal const string LoaderSignature = "DeqNetworkBinary";

    internal NetworkBinaryModelParameters(IHostEnvironment environment, TrainedNetwork trained, ExtraColumns extra) : base(environment, Version, trained, extra) { }

    /// <summary>Found by ML.NET through reflection when a model is loaded; it takes this or a static Create, and refuses a type with both.</summary>
    private NetworkBinaryModelParameters(IHostEnvironment environment, ModelLoadContext context)
        : base(environment, Version, context, network => network is { OutputSize: 1, Link: Link.Identity or Link.Logistic }) { }

    /// <summary>Platt's two numbers, fitted on validation rows where the loss or class weights make the score no log-odds; null where there were none, or no need.</summary>
    public PlattCalibration? Calibration => Record.Calibration;

    /// <summary>
    /// Whether the Probability may be read as one: the loss is logistic (or Focal(0)) without class weights, or <see cref="Calibration"/> was fitted.
    /// Else it is 1 / (1 + exp(-Score)), which orders rows but is no frequency.
    /// </summary>
    public bool IsCalibrated => Record.GivesProbabilities || Calibration is not null;

    DataViewType IValueMapperDist.DistType => NumberDataViewType.Single;

    /// <inheritdoc/>
    protected override PredictionKind PredictionKind => PredictionKind.BinaryClassification;

    private protected override DataViewType OutputType => NumberDataViewType.Single;

    private static VersionInfo Version => MakeVersion("DEQBINAR", LoaderSignature);

    private protected override RowScorer MakeScorer() => new(Network, appliesLink: false);

    /// <summary>What the model gives: the Score and the Probability.</summary>
    internal static IReadOnlyList<Readout> Readouts(PlattCalibration? calibration) => [new Readout(Link.Identity), (calibration ?? PlattCalibration.None).Readout];

    private protected override IReadOnlyList<Readout> OnnxReadouts => Readouts(Calibration);

    /// <inheritdoc/>
    /// <remarks>The outputs are PredictedLabel, which ML.NET's scorer writes, Score and Probability; under a calibrator of ML.NET's the Score alone.</remarks>
    private protected override void WriteOnnx(IOnnxGraph graph, string features, NetworkPlan plan, string[] outputs)
    {
        var names = outputs.Length == 1 ? outputs : outputs[1..];
        NetworkGraph.Add(graph, features, plan, [.. Readouts(Calibration).Zip(names)]);
    }

    private protected override Delegate GetMapper()
    {
        var scorer = MakeScorer();
        ValueMapper<VBuffer<float>, float> map = (in VBuffer<float> features, ref float score) => scorer.Score(features, new Span<float>(ref score));
        return map;
    }

    private protected override IReadOnlyList<ScoreColumn> TaskColumns()
    {
        var schema = ScoreSchemaFactory.CreateBinaryClassificationSchema();
        var calibration = Calibration ?? PlattCalibration.None;
        return [ScoreColumn.Scalar(new(schema[0]), row => row.Outputs[0]), ScoreColumn.Scalar(new(schema[1]), row => calibration.Probability(row.Outputs[0]))];
    }

    ValueMapper<TSource, TTarget, TDist> IValueMapperDist.GetMapper<TSource, TTarget, TDist>()
    {
        var scorer = MakeScorer();
        var calibration = Calibration ?? PlattCalibration.None;
        ValueMapper<VBuffer<float>, float, float> map = (in VBuffer<float> features, ref float score, ref float probability) =>
        {
            scorer.Score(features, new Span<float>(ref score));
            probability = calibration.Probability(score);
        };
        return map as ValueMapper<TSource, TTarget, TDist> ?? throw Host.ExceptNotSupp($"The model maps a vector of Single to two of Single, not {typeof(TSource)} to {typeof(TTarget)} and {typeof(TDist)}.");
    }
}
