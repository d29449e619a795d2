using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples;

/// <summary>The Wisconsin diagnostic breast cancer data (Wolberg, Street, Mangasarian 1995): 569 tumours, ten measurements of cell nuclei summarised in three ways, and whether the tumour is benign.</summary>
internal static class BreastCancer
{
    public static readonly string[] Measurements = [nameof(Tumour.Mean), nameof(Tumour.StandardError), nameof(Tumour.Worst)];

    public static IDataView Load(MLContext ml) =>
        ml.Data.LoadFromTextFile<Tumour>(DataFile.Path("breast_cancer.csv"), separatorChar: ',', hasHeader: true);
}

/// <summary>One line of the file.</summary>
internal sealed class Tumour
{
    [LoadColumn(0, 9), VectorType(10)] public float[] Mean { get; set; } = [];

    [LoadColumn(10, 19), VectorType(10)] public float[] StandardError { get; set; } = [];

    [LoadColumn(20, 29), VectorType(10)] public float[] Worst { get; set; } = [];

    [LoadColumn(30), ColumnName("Label")] public bool IsBenign { get; set; }
}

/// <summary>What a model says of a tumour.</summary>
internal sealed class Diagnosis
{
    /// <summary>Whether it is benign.</summary>
    public bool Label { get; set; }

    /// <summary>Whether it is predicted to be benign.</summary>
    public bool PredictedLabel { get; set; }

    /// <summary>The larger, the likelier benign.</summary>
    public float Score { get; set; }

    /// <summary>The probability of benign.</summary>
    public float Probability { get; set; }
}
