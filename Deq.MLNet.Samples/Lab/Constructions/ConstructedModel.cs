using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Deq.MLNet.Samples.Lab;

/// <summary>A network that was written down, as a model of ML.NET: a training of no epochs makes it.</summary>
internal sealed class ConstructedModel
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly RegressionPredictionTransformer<NetworkRegressionModelParameters> _model;

    public ConstructedModel(DeqNetwork network) => _model = _ml.Regression.Trainers.Deq(new DeqRegressionTrainer.Options
    {
        InitialNetwork = network,
        HiddenSize = network.StateSize,
        Activation = network.Activation,
        WellPosedness = network.Certificate.Rule,
        ScoringTolerance = Construction.Tolerance,
        Epochs = 0,
        NormalizeFeatures = false,
        NormalizeLabel = false,
    }).Fit(Data([network.InputSize == 1 ? 0f : throw new ArgumentException("The network has more than one feature.", nameof(network)), 1f]));

    /// <summary>Scores by ML.NET, in float32.</summary>
    public float[] Scores(float[] x) => [.. _model.Transform(Data(x)).GetColumn<float>("Score")];

    /// <summary>Exports the model, and scores by ONNX Runtime alone.</summary>
    /// <param name="x">The rows, one feature each.</param>
    /// <param name="path">Where the ONNX file goes for the while.</param>
    public float[] OnnxScores(float[] x, string path)
    {
        var report = _ml.Model.SaveOnnx(_model, Data(x).Schema, path);
        using var session = new InferenceSession(path);
        File.Delete(path);
        using var outputs = session.Run([NamedOnnxValue.CreateFromTensor(report.InputNames.Single(), new DenseTensor<float>(x, [x.Length, 1]))], report.OutputNames);
        return [.. outputs.Single().AsEnumerable<float>()];
    }

    private IDataView Data(float[] x) => Rows.Of(_ml, [.. x.Select(value => new[] { value })], new float[x.Length]);
}
