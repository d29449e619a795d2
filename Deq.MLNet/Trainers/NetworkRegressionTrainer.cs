using Deq.MLNet.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Deq.MLNet;

/// <summary>What the trainers of regression have in common.</summary>
public abstract class NetworkRegressionTrainer : NetworkTrainer<RegressionPredictionTransformer<NetworkRegressionModelParameters>, NetworkRegressionModelParameters>
{
    private protected NetworkRegressionTrainer(IHostEnvironment environment, string name, NetworkTrainerOptions options)
        : base(environment, name, options, TrainerUtils.MakeR4ScalarColumn(options.LabelColumnName)) { }

    /// <inheritdoc/>
    protected override PredictionKind PredictionKind => PredictionKind.Regression;

    private protected override int CheckLabel(RoleMappedData data)
    {
        data.CheckRegressionLabel();
        return 1;
    }

    private protected override NetworkRegressionModelParameters MakeModel(TrainedNetwork trained) =>
        new(Host, WithCurves(trained), Extra);

    private protected override SchemaShape.Column[] GetTaskColumns(SchemaShape inputSchema) => [PromisedScore(SchemaShape.Column.VectorKind.Scalar, AnnotationUtils.GetTrainerOutputAnnotation())];

    /// <inheritdoc/>
    protected override RegressionPredictionTransformer<NetworkRegressionModelParameters> MakeTransformer(NetworkRegressionModelParameters model, DataViewSchema trainSchema) =>
        new(Host, model, trainSchema, FeatureColumn.Name);
}
