using System.Globalization;
using System.Reflection;
using Deq.MLNet.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit.Sdk;

namespace Deq.MLNet.Tests.Trainers.Scoring;

public enum DeqTask
{
    Regression,
    Binary,
    Multiclass,
}

/// <summary>Runs a theory once with the trainer of each task.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EveryTaskAttribute : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => Enum.GetValues<DeqTask>().Select(task => new object[] { task });
}

internal sealed class SolveRow
{
    [VectorType(TrainerSetup.FeatureCount)]
    public float[] Features { get; set; } = [];

    public float Label { get; set; }

    public bool IsHigh { get; set; }

    public string Class { get; set; } = "";
}

/// <summary>Every column that a model can add.</summary>
internal sealed class SolvedRow
{
    public float Residual { get; set; }

    public int Iterations { get; set; }

    public string SolveStatus { get; set; } = "";

    public float[] State { get; set; } = [];
}

/// <summary>The three trainers of deep equilibrium networks on small rows.</summary>
internal static class SolveSetup
{
    public const int States = 8;

    public static SolveRow[] SolveRows(int count = 100, int seed = 1) =>
        [.. TrainerSetup.Rows(count, seed).Select(r => new SolveRow { Features = r.Features, Label = r.Label, IsHigh = r.Label > 3, Class = r.Label > 5 ? "high" : r.Label > 2 ? "middle" : "low" })];

    /// <summary>The rows, with the class as a key too.</summary>
    public static IDataView View(this MLContext context, IEnumerable<SolveRow> rows)
    {
        var data = context.Data.LoadFromEnumerable(rows);
        return context.Transforms.Conversion.MapValueToKey("Key", "Class").Fit(data).Transform(data);
    }

    public static IEstimator<ISingleFeaturePredictionTransformer<object>> Deq(this MLContext context, DeqTask task, Action<DeqTrainerOptions>? change = null)
    {
        switch (task)
        {
            case DeqTask.Regression:
                return context.Regression.Trainers.Deq(Small(new DeqRegressionTrainer.Options()));
            case DeqTask.Binary:
                return context.BinaryClassification.Trainers.Deq(Small(new DeqBinaryTrainer.Options { LabelColumnName = "IsHigh" }));
            default:
                return context.MulticlassClassification.Trainers.Deq(Small(new DeqMulticlassTrainer.Options { LabelColumnName = "Key" }));
        }

        T Small<T>(T options) where T : DeqTrainerOptions
        {
            (options.HiddenSize, options.Epochs, options.LearningRate, options.Threads) = (States, 3, 1e-2f, 1);
            change?.Invoke(options);
            return options;
        }
    }

    /// <summary>Asks for every column.</summary>
    public static void AllColumns(DeqTrainerOptions options) => (options.SolveColumns, options.StateColumn) = (true, "State");

    public static DeqNetwork Network(this ISingleFeaturePredictionTransformer<object> model) => (DeqNetwork)((INetworkModel)model.Model).Network;

    /// <summary>What a model adds, row by row.</summary>
    public static SolvedRow[] Solved(this ITransformer model, IDataView data) => [.. new MLContext(1).Data.CreateEnumerable<SolvedRow>(model.Transform(data), reuseRowObject: false)];

    /// <summary>A column's values as bits or text, whatever its type.</summary>
    public static string[] Values(this IDataView data, string column) => data.Schema[column].Type switch
    {
        VectorDataViewType => [.. data.GetColumn<VBuffer<float>>(column).Select(v => string.Join(' ', v.DenseValues().Bits()))],
        NumberDataViewType type when type == NumberDataViewType.Single => [.. data.GetColumn<float>(column).Bits().Select(b => b.ToString(CultureInfo.InvariantCulture))],
        NumberDataViewType => [.. data.GetColumn<int>(column).Select(v => v.ToString(CultureInfo.InvariantCulture))],
        KeyDataViewType => [.. data.GetColumn<uint>(column).Select(v => v.ToString(CultureInfo.InvariantCulture))],
        BooleanDataViewType => [.. data.GetColumn<bool>(column).Select(v => v.ToString())],
        _ => [.. data.GetColumn<string>(column)],
    };
}
