using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples.Lab;

/// <summary>Generated rows as ML.NET's data.</summary>
internal static class Rows
{
    /// <summary>The columns "Features", a vector of n values, and "Label".</summary>
    /// <param name="ml">Where the data lives.</param>
    /// <param name="x">The features, n each; at least one row.</param>
    /// <param name="y">The labels, one a row.</param>
    public static IDataView Of(MLContext ml, float[][] x, float[] y)
    {
        // The length of a vector is part of ML.NET's schema, which a class tells by an attribute and generated rows tell here.
        var schema = SchemaDefinition.Create(typeof(Row));
        schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, x[0].Length);
        return ml.Data.LoadFromEnumerable(x.Zip(y, (features, label) => new Row { Features = features, Label = label }).ToArray(), schema);
    }

    /// <summary>
    /// The random numbers that rows of a seed are made of. Weights of a seed are made of those of <c>new Random(seed)</c>: were rows too, units could start as the very rows.
    /// </summary>
    public static Random Stream(int seed) => new(1_000_000 + seed);

    private sealed class Row
    {
        public float[] Features { get; set; } = [];

        public float Label { get; set; }
    }
}
