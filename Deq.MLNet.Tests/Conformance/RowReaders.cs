using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Tests.Conformance;

/// <summary>Reads a column of whatever type as text: numbers to the last bit.</summary>
internal static class RowReaders
{
    /// <summary>The values of a column.</summary>
    public static string[] Texts(this IDataView data, string column)
    {
        using var cursor = data.GetRowCursor([data.Schema[column]]);
        var read = Reader(cursor, cursor.Schema[column]);
        var values = new List<string>();
        while (cursor.MoveNext())
        {
            values.Add(read());
        }
        return [.. values];
    }

    /// <summary>Tells the value of the cursor's present row.</summary>
    public static Func<string> Reader(DataViewRow row, DataViewSchema.Column column) => Reader(column.Type, nameof(Of), row, column);

    public static Func<string> Reader(DataViewSchema.Annotations annotations, DataViewSchema.Column column) => Reader(column.Type, nameof(OfAnnotation), annotations, column);

    private static Func<string> Reader(DataViewType type, string method, object source, DataViewSchema.Column column)
    {
        var (name, item) = type is VectorDataViewType vector ? (method + "Vector", vector.ItemType.RawType) : (method, type.RawType);
        return (Func<string>)typeof(RowReaders).GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(item).Invoke(null, [source, column])!;
    }

    private static Func<string> Of<T>(DataViewRow row, DataViewSchema.Column column) => Scalar(row.GetGetter<T>(column));

    private static Func<string> OfVector<T>(DataViewRow row, DataViewSchema.Column column) => Vector(row.GetGetter<VBuffer<T>>(column));

    private static Func<string> OfAnnotation<T>(DataViewSchema.Annotations annotations, DataViewSchema.Column column) => Scalar(annotations.GetGetter<T>(column));

    private static Func<string> OfAnnotationVector<T>(DataViewSchema.Annotations annotations, DataViewSchema.Column column) => Vector(annotations.GetGetter<VBuffer<T>>(column));

    private static Func<string> Scalar<T>(ValueGetter<T> getter)
    {
        var value = default(T)!;
        return () =>
        {
            getter(ref value);
            return Text(value);
        };
    }

    private static Func<string> Vector<T>(ValueGetter<VBuffer<T>> getter)
    {
        var value = default(VBuffer<T>);
        return () =>
        {
            getter(ref value);
            return string.Join(", ", value.DenseValues().Select(Text));
        };
    }

    private static string Text<T>(T value) => value switch
    {
        float number => $"{BitConverter.SingleToInt32Bits(number):x8}",
        double number => $"{BitConverter.DoubleToInt64Bits(number):x16}",
        _ => $"{value}",
    };
}
