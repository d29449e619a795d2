using Deq.MLNet;
using Deq.MLNet.Errors;
using Deq.MLNet.Storage;
using Deq.MLNet.Trainers;
using Deq.MLNet.Trainers.Onnx;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>The trainers and the model operations of Deq.MLNet, as extensions of ML.NET's catalogs.</summary>
public static class DeqCatalog
{
    /// <summary>A trainer of a deep equilibrium network for regression.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="labelColumnName">The label, of type Single.</param>
    /// <param name="featureColumnName">The features, a known-size vector of Single.</param>
    /// <param name="exampleWeightColumnName">The weight of a row, of type Single; null for none.</param>
    /// <param name="hiddenSize">d, the number of states, at least 1.</param>
    /// <param name="epochs">Passes over the training rows, at least 1.</param>
    /// <param name="learningRate">The learning rate, positive.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static DeqRegressionTrainer Deq(this RegressionCatalog.RegressionTrainers catalog, string labelColumnName = DefaultColumnNames.Label,
        string featureColumnName = DefaultColumnNames.Features, string? exampleWeightColumnName = null, int hiddenSize = 64, int epochs = 100, float learningRate = 1e-3f) =>
        catalog.Deq(new DeqRegressionTrainer.Options
        {
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            ExampleWeightColumnName = exampleWeightColumnName,
            HiddenSize = hiddenSize,
            Epochs = epochs,
            LearningRate = learningRate,
        });

    /// <summary>A trainer of a deep equilibrium network for regression.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">All options; they are read now, and a later change has no effect.</param>
    /// <exception cref="ArgumentException">A value is out of its range; the message names it and the range.</exception>
    public static DeqRegressionTrainer Deq(this RegressionCatalog.RegressionTrainers catalog, DeqRegressionTrainer.Options options) =>
        new(Environment(catalog), Check.NotNull(options));

    /// <summary>A trainer of a feed-forward network for regression.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="labelColumnName">The label, of type Single.</param>
    /// <param name="featureColumnName">The features, a known-size vector of Single.</param>
    /// <param name="exampleWeightColumnName">The weight of a row, of type Single; null for none.</param>
    /// <param name="hiddenSizes">The sizes of the hidden layers, each at least 1; null for 64 and 64.</param>
    /// <param name="epochs">Passes over the training rows, at least 1.</param>
    /// <param name="learningRate">The learning rate, positive.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static FnnRegressionTrainer Fnn(this RegressionCatalog.RegressionTrainers catalog, string labelColumnName = DefaultColumnNames.Label,
        string featureColumnName = DefaultColumnNames.Features, string? exampleWeightColumnName = null, int[]? hiddenSizes = null, int epochs = 100, float learningRate = 1e-3f)
    {
        var options = new FnnRegressionTrainer.Options
        {
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            ExampleWeightColumnName = exampleWeightColumnName,
            Epochs = epochs,
            LearningRate = learningRate,
        };
        options.HiddenSizes = hiddenSizes ?? options.HiddenSizes;
        return catalog.Fnn(options);
    }

    /// <summary>A trainer of a feed-forward network for regression.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">All options; they are read now, and a later change has no effect.</param>
    /// <exception cref="ArgumentException">A value is out of its range; the message names it and the range.</exception>
    public static FnnRegressionTrainer Fnn(this RegressionCatalog.RegressionTrainers catalog, FnnRegressionTrainer.Options options) =>
        new(Environment(catalog), Check.NotNull(options));

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

    /// <summary>Writes a model of this library as an ONNX file, a deep equilibrium network with its equilibrium unrolled.</summary>
    /// <remarks>
    /// The graph is the trained model alone: its input is the feature column as it reaches the trainer, (B, n), which the transforms before it make from the data;
    /// its output is Score.output, (B, 1). Both are float32.
    /// </remarks>
    /// <param name="catalog">The catalog.</param>
    /// <param name="model">A fitted pipeline with exactly one model of this library.</param>
    /// <param name="inputSchema">The schema of the data that the pipeline takes.</param>
    /// <param name="path">The file; one already there is replaced whole or not at all.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>What was written, with the measured error.</returns>
    /// <exception cref="OnnxExportException">There is not exactly one such model, or the error asked for cannot be met; nothing is written.</exception>
    /// <exception cref="IOException">The path cannot be written; the message names it.</exception>
    public static OnnxExportReport SaveOnnx(this ModelOperationsCatalog catalog, ITransformer model, DataViewSchema inputSchema, string path, OnnxExportOptions? options = null)
    {
        Check.NotNull(catalog);
        return ModelExporter.Save(Check.NotNull(model), Check.NotNull(inputSchema), Check.NotNull(path), options);
    }

    /// <inheritdoc cref="SaveOnnx(ModelOperationsCatalog, ITransformer, DataViewSchema, string, OnnxExportOptions?)"/>
    /// <param name="catalog">The catalog.</param>
    /// <param name="model">A fitted pipeline with exactly one model of this library.</param>
    /// <param name="inputSchema">The schema of the data that the pipeline takes.</param>
    /// <param name="stream">Receives the file.</param>
    /// <param name="options">How; null for the defaults.</param>
    public static OnnxExportReport SaveOnnx(this ModelOperationsCatalog catalog, ITransformer model, DataViewSchema inputSchema, Stream stream, OnnxExportOptions? options = null)
    {
        Check.NotNull(catalog);
        return ModelExporter.Save(Check.NotNull(model), Check.NotNull(inputSchema), Check.NotNull(stream), options);
    }

    private static IHostEnvironment Environment(object catalog)
    {
        MLNetMembers.EnsurePresent();
        return CatalogUtils.GetEnvironment((TrainCatalogBase.CatalogInstantiatorBase)catalog);
    }
}
