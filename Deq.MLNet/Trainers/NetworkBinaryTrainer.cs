using Deq.MLNet.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Deq.MLNet;

/// <summary>What the trainers of binary classification have in common.</summary>
public abstract class NetworkBinaryTrainer : NetworkTrainer<BinaryPredictionTransformer<NetworkBinaryModelParameters>, NetworkBinaryModelParameters>
{
    private protected NetworkBinaryTrainer(IHostEnvironment environment, string name, NetworkTrainerOptions options)
        : base(environment, name, options, TrainerUtils.MakeBoolScalarLabel(options.LabelColumnName)) { }

    /// <inheritdoc/>
    protected override PredictionKind PredictionKind => PredictionKind.BinaryClassification;

    private protected override int CheckLabel(RoleMappedData data)
    {
        data.CheckBinaryLabel();
        return 1;
    }

    private protected override NetworkBinaryModelParameters MakeModel(TrainedNetwork trained) =>
        new(Host, WithCurves(trained, NetworkBinaryModelParameters.Readouts(trained.Calibration)), Extra);

    private protected override SchemaShape.Column[] GetTaskColumns(SchemaShape inputSchema)
    {
        var annotations = AnnotationUtils.GetTrainerOutputAnnotation();
        return
        [
            PromisedScore(SchemaShape.Column.VectorKind.Scalar, annotations),
            new(DefaultColumnNames.Probability, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.Single, false, new SchemaShape(AnnotationUtils.GetTrainerOutputAnnotation(isNormalized: true))),
            new(DefaultColumnNames.PredictedLabel, SchemaShape.Column.VectorKind.Scalar, BooleanDataViewType.Instance, false, new SchemaShape(annotations)),
        ];
    }

    /// <inheritdoc/>
    protected override BinaryPredictionTransformer<NetworkBinaryModelParameters> MakeTransformer(NetworkBinaryModelParameters model, DataViewSchema trainSchema) =>
        new(Host, model, trainSchema, FeatureColumn.Name);
}
