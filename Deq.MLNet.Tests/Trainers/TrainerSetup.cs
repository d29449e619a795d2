global using AnyModel = Microsoft.ML.ISingleFeaturePredictionTransformer<Deq.MLNet.Trainers.INetworkModel>;
global using AnyTrainer = Microsoft.ML.Trainers.ITrainerEstimator<Microsoft.ML.ISingleFeaturePredictionTransformer<Deq.MLNet.Trainers.INetworkModel>, Deq.MLNet.Trainers.INetworkModel>;
using Deq.MLNet.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>Small rows, and what is read of trainers and models whatever their task.</summary>
internal static class TrainerSetup
{
    public const int FeatureCount = 4;

    /// <summary>y = 3 + 2 x0 - x1 + max(0, x2); x3 says nothing.</summary>
    public static TrainerRow[] Rows(int count = 200, int seed = 1)
    {
        var random = new Random(seed);
        var rows = new TrainerRow[count];
        for (var i = 0; i < count; i++)
        {
            var x = RandomCell.Values(random, FeatureCount, 1);
            rows[i] = new TrainerRow { Features = x, Label = 3 + 2 * x[0] - x[1] + Math.Max(0, x[2]) };
        }
        return rows;
    }

    /// <summary>Rows in which half of the features are zero.</summary>
    public static TrainerRow[] RowsWithZeros(int count = 200)
    {
        var rows = Rows(count);
        for (var i = 0; i < count; i++)
        {
            (rows[i].Features[i % FeatureCount], rows[i].Features[(i + 1) % FeatureCount]) = (0, 0);
        }
        return rows;
    }

    /// <summary>The data with its zero features left out.</summary>
    public static IDataView WithSparseFeatures(this IDataView data)
    {
        static void Map(FeatureRow from, SparseRow to)
        {
            var indices = Enumerable.Range(0, FeatureCount).Where(i => from.Features[i] != 0).ToArray();
            to.Features = new VBuffer<float>(FeatureCount, indices.Length, [.. indices.Select(i => from.Features[i])], indices);
        }
        var sparse = new MLContext(1).Transforms.CustomMapping<FeatureRow, SparseRow>(Map, null).Fit(data).Transform(data);
        sparse.GetColumn<VBuffer<float>>("Features").Should().OnlyContain(v => !v.IsDense);
        return sparse;
    }

    public static IDataView View(this MLContext context, IEnumerable<TrainerRow> rows) => context.Data.LoadFromEnumerable(rows);

    /// <summary>Training as the trainer's own overloads do it, whatever the task.</summary>
    public static AnyModel Fit(this AnyTrainer trainer, IDataView data, IDataView? validation, INetworkModel? start = null) => trainer switch
    {
        NetworkRegressionTrainer t => t.Fit(data, validation, (NetworkRegressionModelParameters?)start),
        NetworkBinaryTrainer t => t.Fit(data, validation, (NetworkBinaryModelParameters?)start),
        _ => ((NetworkMulticlassTrainer)trainer).Fit(data, validation, (NetworkMulticlassModelParameters?)start),
    };

    /// <summary>A column of numbers or vectors, row after row.</summary>
    public static float[] Scores(this ITransformer model, IDataView data, string column = "Score")
    {
        var scored = model.Transform(data);
        return scored.Schema[column].Type is VectorDataViewType ? [.. scored.GetColumn<float[]>(column).SelectMany(v => v)] : [.. scored.GetColumn<float>(column)];
    }

    public static float[] Scores(this ITransformer model, IEnumerable<TrainerRow> rows) => model.Scores(new MLContext(1).View(rows));

    /// <summary>The columns of a schema by name, with their types and annotations.</summary>
    public static IEnumerable<string> Describe(SchemaShape shape) => shape.OrderBy(c => c.Name, StringComparer.Ordinal)
        .Select(c => $"{c.Name} {c.Kind} {c.ItemType} {c.IsKey} ({string.Join("; ", Describe(c.Annotations))})");

    /// <summary>The scores in float64, row after row; of two classes before the link, as ML.NET's Score.</summary>
    public static double[] Reference(this Network network, IEnumerable<TrainerRow> rows) =>
        [.. rows.SelectMany(r => network.Link == Link.Logistic ? Float64.EvaluateAffine(network, r.Features) : Float64.Evaluate(network, r.Features))];
}
