using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Trainers.Scoring;

/// <summary>A column that a model adds to its data.</summary>
/// <param name="Column">Name, type and annotations.</param>
/// <param name="GetterOf">The column's getter for one cursor. It allocates nothing from row to row.</param>
internal sealed record ScoreColumn(DataViewSchema.DetachedColumn Column, Func<ScoredRow, Delegate> GetterOf)
{
    public static ScoreColumn Scalar<T>(DataViewSchema.DetachedColumn column, Func<ScoredRow, T> value) => new(column, row =>
    {
        ValueGetter<T> get = (ref T result) => result = value(row);
        return get;
    });

    public static ScoreColumn Vector(DataViewSchema.DetachedColumn column, Func<ScoredRow, ReadOnlySpan<float>> values) => new(column, row =>
    {
        ValueGetter<VBuffer<float>> get = (ref VBuffer<float> result) =>
        {
            var from = values(row);
            var editor = VBufferEditor.Create(ref result, from.Length);
            from.CopyTo(editor.Values);
            result = editor.Commit();
        };
        return get;
    });
}
