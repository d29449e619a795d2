using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Deq.MLNet.Tests.Trainers.Onnx;

/// <summary>A row of the kinds of columns that a table has.</summary>
internal sealed class PipelineRow
{
    public string Colour { get; set; } = "";

    public string Shape { get; set; } = "";

    public string Words { get; set; } = "";

    public string Digits { get; set; } = "1.5";

    public float Height { get; set; }

    public float Weight { get; set; }

    [VectorType(4)]
    public float[] Sizes { get; set; } = [];

    [VectorType(3)]
    public string[] Tags { get; set; } = [];

    [VectorType(2)]
    public double[] Prices { get; set; } = [];

    public double Cost { get; set; }

    public int Count { get; set; }

    public long Big { get; set; }

    public uint Natural { get; set; }

    public short Small { get; set; }

    public bool Flag { get; set; }

    public float Label { get; set; }

    public string Class { get; set; } = "";

    public DateTime Day { get; set; }

    /// <summary>One of five.</summary>
    public float Grade { get; set; }

    /// <summary>One of five.</summary>
    public double Rate { get; set; }
}

/// <summary>Rows with mixed columns, and what an ONNX file gives for them.</summary>
internal static class PipelineRows
{
    private static readonly string[] Colours = ["red", "green", "blue", "Ünïcode", "two words"], Shapes = ["round", "square", "flat"];

    /// <summary>Rows as they are trained on.</summary>
    public static PipelineRow[] Known(int count = 150, int seed = 1)
    {
        var random = new Random(seed);
        float Number() => (float)(random.NextDouble() * 4 - 1.5);
        string Of(string[] values) => values[random.Next(values.Length)];
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var row = new PipelineRow
            {
                Colour = Of(Colours),
                Shape = Of(Shapes),
                Words = $"{Of(Colours)} {Of(Shapes)} {Of(Colours)}",
                Height = Number(),
                Weight = 50 + 10 * Number(),
                Sizes = [Number(), 3 * Number(), 1 + Number(), i % 5],
                Tags = [Of(Colours), Of(Shapes), Of(Colours)],
                Prices = [Number(), 1 / 3d + Number()],
                Cost = 1 / 3d + Number(),
                Count = random.Next(-3, 4),
                Big = random.Next(-3, 4),
                Natural = (uint)random.Next(5),
                Small = (short)random.Next(-3, 4),
                Flag = random.Next(2) == 1,
                Class = Of(Shapes),
                Day = new DateTime(2026, 1, 1),
                Grade = 0.3f * (i % 5),
                Rate = 0.1 * (i % 5),
            };
            row.Label = row.Height + (row.Flag ? 1 : 0) + row.Colour.Length / 4f;
            return row;
        })];
    }

    /// <summary>Rows as they come later: with missing numbers, categories never seen, empty texts, zeros.</summary>
    public static PipelineRow[] Later(int count = 40)
    {
        var rows = Known(count, 2);
        for (var i = 0; i < count; i++)
        {
            var row = rows[i];
            switch (i % 8)
            {
                case 0: row.Height = float.NaN; row.Sizes[1] = float.NaN; break;
                case 1: row.Colour = "never seen"; row.Tags[1] = "never seen"; row.Words = "never seen green"; row.Natural = 77; row.Grade = 9; break;
                case 2: row.Colour = ""; row.Shape = ""; row.Tags[0] = ""; row.Words = ""; break;
                case 3: row.Sizes = [0, 0, 0, 0]; row.Weight = 0; row.Height = 0; break;
                case 4: row.Sizes = [-3, -2, -1, -4]; row.Big = 1L << 40; row.Count = 1 << 24; break;
                case 5: row.Prices[0] = double.NaN; row.Cost = double.NaN; row.Weight = float.PositiveInfinity; break;
                case 6: row.Colour = "RED"; row.Words = " red   round  "; break;
            }
        }
        return rows;
    }

    /// <summary>Every output of a file for the rows, by its name, row after row.</summary>
    public static IReadOnlyDictionary<string, object[]> Run(InferenceSession session, IDataView rows)
    {
        var count = Values(rows, "Label").Length;
        NamedOnnxValue Input(string name)
        {
            var values = Values(rows, name);
            int[] shape = [count, values.Length / count];
            NamedOnnxValue Of<T>() => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<T>(values.Cast<T>().ToArray(), shape));
            return values[0] switch
            {
                float => Of<float>(),
                double => Of<double>(),
                bool => Of<bool>(),
                int => Of<int>(),
                long => Of<long>(),
                short => Of<short>(),
                uint => Of<uint>(),
                _ => Of<string>(),
            };
        }
        var inputs = session.InputNames.Select(Input).ToList();
        using var results = session.Run(inputs);
        return results.ToDictionary(r => r.Name, r => Values(r.Value));
    }

    /// <summary>The values of a column, row after row.</summary>
    public static object[] Values(IDataView data, string column)
    {
        var type = data.Schema[column].Type;
        return type.GetItemType().RawType switch
        {
            var t when t == typeof(float) => Read<float>(),
            var t when t == typeof(double) => Read<double>(),
            var t when t == typeof(bool) => Read<bool>(),
            var t when t == typeof(int) => Read<int>(),
            var t when t == typeof(long) => Read<long>(),
            var t when t == typeof(short) => Read<short>(),
            var t when t == typeof(uint) => Read<uint>(),
            _ => [.. Read<ReadOnlyMemory<char>>().Select(text => text.ToString()!)],
        };

        object[] Read<T>()
        {
            var values = new List<object>();
            using var cursor = data.GetRowCursor([data.Schema[column]]);
            if (type is VectorDataViewType)
            {
                var read = cursor.GetGetter<VBuffer<T>>(data.Schema[column]);
                VBuffer<T> vector = default;
                while (cursor.MoveNext())
                {
                    read(ref vector);
                    values.AddRange(vector.DenseValues().Select(value => (object)value!));
                }
            }
            else
            {
                var read = cursor.GetGetter<T>(data.Schema[column]);
                T value = default!;
                while (cursor.MoveNext())
                {
                    read(ref value);
                    values.Add(value!);
                }
            }
            return [.. values];
        }
    }

    private static object[] Values(object tensor) => tensor switch
    {
        Tensor<float> t => [.. t],
        Tensor<double> t => [.. t],
        Tensor<bool> t => [.. t],
        Tensor<int> t => [.. t],
        Tensor<long> t => [.. t],
        Tensor<uint> t => [.. t],
        Tensor<string> t => [.. t],
        _ => throw new NotSupportedException($"{tensor}"),
    };
}
