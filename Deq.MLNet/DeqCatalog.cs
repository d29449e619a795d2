using Deq.MLNet;
using Deq.MLNet.Errors;
using Deq.MLNet.Trainers;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

public static partial class DeqCatalog
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
        catalog.Deq(Fill<DeqRegressionTrainer.Options>(new() { HiddenSize = hiddenSize }, labelColumnName, featureColumnName, exampleWeightColumnName, epochs, learningRate));

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
        string featureColumnName = DefaultColumnNames.Features, string? exampleWeightColumnName = null, int[]? hiddenSizes = null, int epochs = 100, float learningRate = 1e-3f) =>
        catalog.Fnn(Fill<FnnRegressionTrainer.Options>(hiddenSizes is null ? new() : new() { HiddenSizes = hiddenSizes }, labelColumnName, featureColumnName, exampleWeightColumnName, epochs, learningRate));

    /// <summary>A trainer of a feed-forward network for regression.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">All options; they are read now, and a later change has no effect.</param>
    /// <exception cref="ArgumentException">A value is out of its range; the message names it and the range.</exception>
    public static FnnRegressionTrainer Fnn(this RegressionCatalog.RegressionTrainers catalog, FnnRegressionTrainer.Options options) =>
        new(Environment(catalog), Check.NotNull(options));

    /// <summary>A trainer of a deep equilibrium network for binary classification.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="labelColumnName">The label, of type Boolean.</param>
    /// <param name="featureColumnName">The features, a known-size vector of Single.</param>
    /// <param name="exampleWeightColumnName">The weight of a row, of type Single; null for none.</param>
    /// <param name="hiddenSize">d, the number of states, at least 1.</param>
    /// <param name="epochs">Passes over the training rows, at least 1.</param>
    /// <param name="learningRate">The learning rate, positive.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static DeqBinaryTrainer Deq(this BinaryClassificationCatalog.BinaryClassificationTrainers catalog, string labelColumnName = DefaultColumnNames.Label,
        string featureColumnName = DefaultColumnNames.Features, string? exampleWeightColumnName = null, int hiddenSize = 64, int epochs = 100, float learningRate = 1e-3f) =>
        catalog.Deq(Fill<DeqBinaryTrainer.Options>(new() { HiddenSize = hiddenSize }, labelColumnName, featureColumnName, exampleWeightColumnName, epochs, learningRate));

    /// <summary>A trainer of a deep equilibrium network for binary classification.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">All options; they are read now, and a later change has no effect.</param>
    /// <exception cref="ArgumentException">A value is out of its range; the message names it and the range.</exception>
    public static DeqBinaryTrainer Deq(this BinaryClassificationCatalog.BinaryClassificationTrainers catalog, DeqBinaryTrainer.Options options) =>
        new(Environment(catalog), Check.NotNull(options));

    /// <summary>A trainer of a feed-forward network for binary classification.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="labelColumnName">The label, of type Boolean.</param>
    /// <param name="featureColumnName">The features, a known-size vector of Single.</param>
    /// <param name="exampleWeightColumnName">The weight of a row, of type Single; null for none.</param>
    /// <param name="hiddenSizes">The sizes of the hidden layers, each at least 1; null for 64 and 64.</param>
    /// <param name="epochs">Passes over the training rows, at least 1.</param>
    /// <param name="learningRate">The learning rate, positive.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static FnnBinaryTrainer Fnn(this BinaryClassificationCatalog.BinaryClassificationTrainers catalog, string labelColumnName = DefaultColumnNames.Label,
        string featureColumnName = DefaultColumnNames.Features, string? exampleWeightColumnName = null, int[]? hiddenSizes = null, int epochs = 100, float learningRate = 1e-3f) =>
        catalog.Fnn(Fill<FnnBinaryTrainer.Options>(hiddenSizes is null ? new() : new() { HiddenSizes = hiddenSizes }, labelColumnName, featureColumnName, exampleWeightColumnName, epochs, learningRate));

    /// <summary>A trainer of a feed-forward network for binary classification.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">All options; they are read now, and a later change has no effect.</param>
    /// <exception cref="ArgumentException">A value is out of its range; the message names it and the range.</exception>
    public static FnnBinaryTrainer Fnn(this BinaryClassificationCatalog.BinaryClassificationTrainers catalog, FnnBinaryTrainer.Options options) =>
        new(Environment(catalog), Check.NotNull(options));

    /// <summary>A trainer of a deep equilibrium network for multiclass classification.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="labelColumnName">The label, of key type.</param>
    /// <param name="featureColumnName">The features, a known-size vector of Single.</param>
    /// <param name="exampleWeightColumnName">The weight of a row, of type Single; null for none.</param>
    /// <param name="hiddenSize">d, the number of states, at least 1.</param>
    /// <param name="epochs">Passes over the training rows, at least 1.</param>
    /// <param name="learningRate">The learning rate, positive.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static DeqMulticlassTrainer Deq(this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, string labelColumnName = DefaultColumnNames.Label,
        string featureColumnName = DefaultColumnNames.Features, string? exampleWeightColumnName = null, int hiddenSize = 64, int epochs = 100, float learningRate = 1e-3f) =>
        catalog.Deq(Fill<DeqMulticlassTrainer.Options>(new() { HiddenSize = hiddenSize }, labelColumnName, featureColumnName, exampleWeightColumnName, epochs, learningRate));

    /// <summary>A trainer of a deep equilibrium network for multiclass classification.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">All options; they are read now, and a later change has no effect.</param>
    /// <exception cref="ArgumentException">A value is out of its range; the message names it and the range.</exception>
    public static DeqMulticlassTrainer Deq(this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, DeqMulticlassTrainer.Options options) =>
        new(Environment(catalog), Check.NotNull(options));

    /// <summary>A trainer of a feed-forward network for multiclass classification.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="labelColumnName">The label, of key type.</param>
    /// <param name="featureColumnName">The features, a known-size vector of Single.</param>
    /// <param name="exampleWeightColumnName">The weight of a row, of type Single; null for none.</param>
    /// <param name="hiddenSizes">The sizes of the hidden layers, each at least 1; null for 64 and 64.</param>
    /// <param name="epochs">Passes over the training rows, at least 1.</param>
    /// <param name="learningRate">The learning rate, positive.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static FnnMulticlassTrainer Fnn(this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, string labelColumnName = DefaultColumnNames.Label,
        string featureColumnName = DefaultColumnNames.Features, string? exampleWeightColumnName = null, int[]? hiddenSizes = null, int epochs = 100, float learningRate = 1e-3f) =>
        catalog.Fnn(Fill<FnnMulticlassTrainer.Options>(hiddenSizes is null ? new() : new() { HiddenSizes = hiddenSizes }, labelColumnName, featureColumnName, exampleWeightColumnName, epochs, learningRate));

    /// <summary>A trainer of a feed-forward network for multiclass classification.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">All options; they are read now, and a later change has no effect.</param>
    /// <exception cref="ArgumentException">A value is out of its range; the message names it and the range.</exception>
    public static FnnMulticlassTrainer Fnn(this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, FnnMulticlassTrainer.Options options) =>
        new(Environment(catalog), Check.NotNull(options));

    private static T Fill<T>(T options, string labelColumnName, string featureColumnName, string? exampleWeightColumnName, int epochs, float learningRate)
        where T : NetworkTrainerOptions
    {
        (options.LabelColumnName, options.FeatureColumnName, options.ExampleWeightColumnName) = (labelColumnName, featureColumnName, exampleWeightColumnName);
        (options.Epochs, options.LearningRate) = (epochs, learningRate);
        return options;
    }

    private static IHostEnvironment Environment(object catalog)
    {
        MLNetMembers.EnsurePresent();
        return CatalogUtils.GetEnvironment((TrainCatalogBase.CatalogInstantiatorBase)catalog);
    }
}
