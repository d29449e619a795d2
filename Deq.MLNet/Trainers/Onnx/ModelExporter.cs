using Deq.MLNet.Onnx;
using Deq.MLNet.Storage;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Model.OnnxConverter;
using Microsoft.ML.Runtime;

namespace Deq.MLNet.Trainers.Onnx;

/// <summary>Finds this library's model in a fitted pipeline and writes it as ONNX, by the hooks of ML.NET's scorer and of the model.</summary>
internal static class ModelExporter
{
    public static OnnxExportReport Save(IHostEnvironment environment, ITransformer model, DataViewSchema inputSchema, Stream stream, OnnxExportOptions? options)
    {
        var (bytes, report) = Export(environment, model, inputSchema, options ?? new OnnxExportOptions());
        stream.Write(bytes);
        return report;
    }

    public static OnnxExportReport Save(IHostEnvironment environment, ITransformer model, DataViewSchema inputSchema, string path, OnnxExportOptions? options)
    {
        var (bytes, report) = Export(environment, model, inputSchema, options ?? new OnnxExportOptions());
        AtomicFile.Write(path, stream => stream.Write(bytes));
        return report;
    }

    private static (byte[] Bytes, OnnxExportReport Report) Export(IHostEnvironment environment, ITransformer model, DataViewSchema inputSchema, OnnxExportOptions options)
    {
        MLNetMembers.EnsurePresent();
        // ML.NET's own schema exception, where the model cannot take such data.
        model.GetOutputSchema(inputSchema);
        var predictors = Flatten(model).OfType<ISingleFeaturePredictionTransformer<object>>().Where(p => p.Model is INetworkModel).ToList();
        if (predictors is not [var predictor])
        {
            var chain = string.Join(", ", Flatten(model).Select(t => t.GetType().Name));
            throw new OnnxExportException($"The pipeline ({chain}) holds {predictors.Count} models of this library; one can be exported. Pass a pipeline, or the part of it, with exactly one of them and no reduction such as OneVersusAll around it.");
        }
        var network = ((INetworkModel)predictor.Model).Network;
        var features = new VectorDataViewType(NumberDataViewType.Single, network.InputSize);
        var schema = new DataViewSchema.Builder();
        schema.AddColumn(predictor.FeatureColumnName, features);
        var scored = predictor.Transform(new EmptyDataView(environment, schema.ToSchema()));
        var outputs = scored.Schema.Where(column => !column.IsHidden && column.Index > 0).ToList();
        if (outputs.Any(column => column.Name == predictor.FeatureColumnName))
        {
            throw new OnnxExportException($"The feature column has the name of an output, {predictor.FeatureColumnName}. Copy it to a column of another name before the trainer.");
        }
        var context = new GraphContext(OnnxExporter.GraphName(network), options.Settings);
        context.AddInput(predictor.FeatureColumnName, features);
        ((ISaveAsOnnx)scored).SaveAsOnnx(context);
        foreach (var column in outputs)
        {
            context.AddOutput(column.Name, column.Type);
        }
        var metadata = new Dictionary<string, string> { ["deq.feature_column"] = predictor.FeatureColumnName };
        return OnnxExporter.Finish(context.Graph, context.Plans, metadata);
    }

    private static IEnumerable<ITransformer> Flatten(ITransformer model) =>
        model is IEnumerable<ITransformer> chain ? chain.SelectMany(Flatten) : [model];
}
