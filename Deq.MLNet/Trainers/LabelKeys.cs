using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Internal.Utilities;

namespace Deq.MLNet.Trainers;

/// <summary>What the keys of a label stand for.</summary>
internal static class LabelKeys
{
    private static readonly FuncStaticMethodInfo1<DataViewSchema.Column, string?[]> ValuesOfType = new(Values<int>);

    /// <summary>The first key that stands for something else in other rows, in words; null where there is none, or where one of the two does not tell.</summary>
    public static string? FirstDifference(RoleMappedSchema training, RoleMappedSchema other)
    {
        var (mine, others) = (Values(training), Values(other));
        if (mine is null || others is null)
        {
            return null;
        }
        var key = mine.Zip(others, (a, b) => a == b).TakeWhile(isSame => isSame).Count();
        return key == Math.Min(mine.Length, others.Length) ? null : $"{key + 1} is \"{others[key]}\", not \"{mine[key]}\"";
    }

    private static string?[]? Values(RoleMappedSchema schema) =>
        schema.Label is { Type: KeyDataViewType } label && label.Annotations.Schema.GetColumnOrNull(AnnotationUtils.Kinds.KeyValues)?.Type is VectorDataViewType type
            ? Utils.MarshalInvoke(ValuesOfType, type.ItemType.RawType, label)
            : null;

    private static string?[] Values<T>(DataViewSchema.Column label)
    {
        VBuffer<T> values = default;
        label.GetKeyValues(ref values);
        return [.. values.DenseValues().Select(value => value?.ToString())];
    }
}
