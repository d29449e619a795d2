using Deq.MLNet.Training;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Deq.MLNet;

/// <summary>What the trainers of multiclass classification have in common.</summary>
public abstract class NetworkMulticlassTrainer : NetworkTrainer<MulticlassPredictionTransformer<NetworkMulticlassModelParameters>, NetworkMulticlassModelParameters>
{
    private protected NetworkMulticlassTrainer(IHostEnvironment environment, string name, NetworkTrainerOptions options)
        : base(environment, name, options, TrainerUtils.MakeU4ScalarColumn(options.LabelColumnName)) { }

    /// <inheritdoc/>
    protected override PredictionKind PredictionKind => PredictionKind.MulticlassClassification;

    private protected override int CheckLabel(RoleMappedData data)
    {
        data.CheckMulticlassLabel(out var classes);
        return classes;
    }

    private protected override NetworkMulticlassModelParameters MakeModel(TrainedNetwork trained) =>
        new(Host, WithCurves(trained), Extra);

    private protected override SchemaShape.Column[] GetTaskColumns(SchemaShape inputSchema)
    {
        inputSchema.TryFindColumn(LabelColumn.Name, out var label);
        var keyValues = label.Annotations.Where(a => a.Name == AnnotationUtils.Kinds.KeyValues);
        return
        [
            PromisedScore(SchemaShape.Column.VectorKind.Vector, AnnotationUtils.AnnotationsForMulticlassScoreColumn(label)),
            new(DefaultColumnNames.PredictedLabel, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, true, new SchemaShape(keyValues.Concat(AnnotationUtils.GetTrainerOutputAnnotation()))),
        ];
    }

    /// <inheritdoc/>
    protected override MulticlassPredictionTransformer<NetworkMulticlassModelParameters> MakeTransformer(NetworkMulticlassModelParameters model, DataViewSchema trainSchema) =>
        new(Host, model, trainSchema, FeatureColumn.Name, LabelColumn.Name);
}
