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

    private protected override void CheckLabel(RoleMappedData data) => data.CheckRegressionLabel();

    private protected override NetworkRegressionModelParameters MakeModel(TrainedNetwork trained) => new(Host, trained);

    /// <inheritdoc/>
    protected override SchemaShape.Column[] GetOutputColumnsCore(SchemaShape inputSchema) =>
    [
        new(DefaultColumnNames.Score, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.Single, false, new SchemaShape(AnnotationUtils.GetTrainerOutputAnnotation())),
    ];

    /// <inheritdoc/>
    protected override RegressionPredictionTransformer<NetworkRegressionModelParameters> MakeTransformer(NetworkRegressionModelParameters model, DataViewSchema trainSchema) =>
        new(Host, model, trainSchema, FeatureColumn.Name);
}
