using Deq.MLNet.Onnx;
using Deq.MLNet.Storage;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Trainers.Onnx;

/// <summary>Finds this library's model in a fitted pipeline and writes it as ONNX.</summary>
internal static class ModelExporter
{
    public static OnnxExportReport Save(ITransformer model, DataViewSchema inputSchema, Stream stream, OnnxExportOptions? options)
    {
        var (bytes, report) = Export(model, inputSchema, options);
        stream.Write(bytes);
        return report;
    }

    public static OnnxExportReport Save(ITransformer model, DataViewSchema inputSchema, string path, OnnxExportOptions? options)
    {
        var (bytes, report) = Export(model, inputSchema, options);
        AtomicFile.Write(path, stream => stream.Write(bytes));
        return report;
    }

    private static (byte[] Bytes, OnnxExportReport Report) Export(ITransformer model, DataViewSchema inputSchema, OnnxExportOptions? options)
    {
        MLNetMembers.EnsurePresent();
        // ML.NET's own schema exception, where the model cannot take such data.
        model.GetOutputSchema(inputSchema);
        var predictors = Flatten(model).OfType<ISingleFeaturePredictionTransformer<object>>().Where(p => p.Model is INetworkModel).ToList();
        if (predictors is not [var predictor])
        {
            var chain = string.Join(", ", Flatten(model).Select(t => t.GetType().Name));
            throw new OnnxExportException($"The pipeline ({chain}) holds {predictors.Count} models of this library; one can be exported. Pass a pipeline, or the part of it, with exactly one.");
        }
        var metadata = new Dictionary<string, string> { ["deq.feature_column"] = predictor.FeatureColumnName };
        return OnnxExporter.Export(((INetworkModel)predictor.Model).Network, predictor.FeatureColumnName, $"{DefaultColumnNames.Score}.output",
            options ?? new OnnxExportOptions(), metadata);
    }

    private static IEnumerable<ITransformer> Flatten(ITransformer model) =>
        model is IEnumerable<ITransformer> chain ? chain.SelectMany(Flatten) : [model];
}
