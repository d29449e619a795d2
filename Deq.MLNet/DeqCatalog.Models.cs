using Deq.MLNet;
using Deq.MLNet.Errors;
using Deq.MLNet.Storage;
using Deq.MLNet.Trainers.Onnx;
using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>The trainers and the model operations of Deq.MLNet, as extensions of ML.NET's catalogs.</summary>
public static partial class DeqCatalog
{
    /// <summary>Saves a model so that a file already there stays whole when the process fails or is killed on the way: it is written beside the target, flushed to disk and renamed.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="model">The fitted model.</param>
    /// <param name="inputSchema">The schema of the data that the model takes; null where it is not to be saved.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The path cannot be written; the message names it.</exception>
    /// <exception cref="UnauthorizedAccessException">The path may not be written; the message names it.</exception>
    public static void SaveAtomic(this ModelOperationsCatalog catalog, ITransformer model, DataViewSchema? inputSchema, string path)
    {
        // Before the file is touched.
        Check.NotNull(catalog);
        Check.NotNull(model);
        AtomicFile.Write(Check.NotNull(path), stream => catalog.Save(model, inputSchema, stream));
    }

    /// <summary>Writes a fitted pipeline as an ONNX file: the transforms, the models of this library in it, and what follows from their outputs.</summary>
    /// <remarks>
    /// Inputs of the graph are the columns of the data that the outputs depend on, each under its own name and type, (B, 1) or (B, k); Label and Weight are none of them.
    /// Outputs are the columns at the end of the pipeline that its models make, or that are made from those, each with ".output" after its name: <c>Score.output</c>, (B, 1) or (B, K) float32; for two classes also <c>Probability.output</c>, (B, 1) float32,
    /// and <c>PredictedLabel.output</c>, (B, 1) bool; for K classes <c>PredictedLabel.output</c>, (B, 1) uint32: 1 for the first key, 0 for none; behind <c>MapKeyToValue</c> the values of the data.
    /// The columns of <see cref="DeqTrainerOptions.SolveColumns"/> and <see cref="DeqTrainerOptions.StateColumn"/> are left out.
    /// </remarks>
    /// <param name="catalog">The catalog.</param>
    /// <param name="model">A fitted pipeline with at least one model of this library.</param>
    /// <param name="inputSchema">The schema of the data that the pipeline takes.</param>
    /// <param name="path">The file; one already there is replaced whole or not at all.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>What was written, with the measured error.</returns>
    /// <exception cref="OnnxExportException">There is no such model, a transform that the outputs depend on cannot be exported (the message names it), a feature column has the name of an output, or the error asked for cannot be met; nothing is written.</exception>
    /// <exception cref="IOException">The path cannot be written; the message names it.</exception>
    public static OnnxExportReport SaveOnnx(this ModelOperationsCatalog catalog, ITransformer model, DataViewSchema inputSchema, string path, OnnxExportOptions? options = null)
    {
        Check.NotNull(catalog);
        return ModelExporter.Save(CatalogUtils.GetEnvironment(catalog), Check.NotNull(model), Check.NotNull(inputSchema), Check.NotNull(path), options);
    }

    /// <inheritdoc cref="SaveOnnx(ModelOperationsCatalog, ITransformer, DataViewSchema, string, OnnxExportOptions?)"/>
    /// <param name="catalog">The catalog.</param>
    /// <param name="model">A fitted pipeline with at least one model of this library.</param>
    /// <param name="inputSchema">The schema of the data that the pipeline takes.</param>
    /// <param name="stream">Receives the file.</param>
    /// <param name="options">How; null for the defaults.</param>
    public static OnnxExportReport SaveOnnx(this ModelOperationsCatalog catalog, ITransformer model, DataViewSchema inputSchema, Stream stream, OnnxExportOptions? options = null)
    {
        Check.NotNull(catalog);
        return ModelExporter.Save(CatalogUtils.GetEnvironment(catalog), Check.NotNull(model), Check.NotNull(inputSchema), Check.NotNull(stream), options);
    }
}
