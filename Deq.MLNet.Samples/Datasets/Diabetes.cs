using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples;

/// <summary>The diabetes data of Efron, Hastie, Johnstone and Tibshirani (2004): 442 patients, ten measurements, and the disease's progression a year later.</summary>
internal static class Diabetes
{
    public static readonly string[] Measurements = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"];

    public static IDataView Load(MLContext ml) =>
        ml.Data.LoadFromTextFile<Patient>(DataFile.Path("diabetes.txt"), separatorChar: ' ');

    /// <summary>The same 80% for training and 20% for testing in every process.</summary>
    public static DataOperationsCatalog.TrainTestData Split(MLContext ml) => ml.Data.TrainTestSplit(Load(ml), testFraction: 0.2, seed: 1);
}

/// <summary>One line of the file.</summary>
internal sealed class Patient
{
    [LoadColumn(0), ColumnName("age")] public float Age { get; set; }
    [LoadColumn(1), ColumnName("sex")] public float Sex { get; set; }
    [LoadColumn(2), ColumnName("bmi")] public float BodyMassIndex { get; set; }
    [LoadColumn(3), ColumnName("bp")] public float BloodPressure { get; set; }
    [LoadColumn(4), ColumnName("s1")] public float Serum1 { get; set; }
    [LoadColumn(5), ColumnName("s2")] public float Serum2 { get; set; }
    [LoadColumn(6), ColumnName("s3")] public float Serum3 { get; set; }
    [LoadColumn(7), ColumnName("s4")] public float Serum4 { get; set; }
    [LoadColumn(8), ColumnName("s5")] public float Serum5 { get; set; }
    [LoadColumn(9), ColumnName("s6")] public float Serum6 { get; set; }

    /// <summary>The progression after a year: what is predicted.</summary>
    [LoadColumn(10), ColumnName("Label")] public float Progression { get; set; }
}

/// <summary>What a model says of a patient.</summary>
internal sealed class ProgressionEstimate
{
    public float Label { get; set; }

    public float Score { get; set; }
}
