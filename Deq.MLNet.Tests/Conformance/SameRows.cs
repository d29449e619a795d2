using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Tests.Conformance;

/// <summary>Equality of data views, row for row to the last bit, whichever columns a cursor is asked for.</summary>
internal static class SameRows
{
    public static void Assert(IDataView actual, IDataView expected)
    {
        var columns = expected.Schema.Select(c => c.Index).ToArray();
        actual.Schema.Select(c => c.Name).Should().Equal(expected.Schema.Select(c => c.Name));
        var (rows, ids) = Read(expected, columns);
        rows.Should().NotBeEmpty();
        ids.Should().OnlyHaveUniqueItems();
        int[][] selections = [columns, [.. columns.Where(i => i % 2 == 0)], [.. columns.Where(i => i % 2 == 1)], .. columns.Select(i => new[] { i }), []];
        foreach (var active in selections)
        {
            var (some, sameIds) = Read(actual, active);

            some.Should().Equal(rows.Select(row => string.Join(" | ", row.Split(" | ").Where((_, i) => active.Contains(i)))), "with the columns {0}", string.Join(", ", active));
            sameIds.Should().Equal(ids);
        }
    }

    private static (List<string> Rows, List<DataViewRowId> Ids) Read(IDataView view, int[] active)
    {
        using var cursor = view.GetRowCursor(active.Select(i => view.Schema[i]));
        cursor.Schema.Should().BeSameAs(view.Schema);
        var readers = active.Select(i => RowReaders.Reader(cursor, cursor.Schema[i])).ToArray();
        var idGetter = cursor.GetIdGetter();
        var (rows, ids) = (new List<string>(), new List<DataViewRowId>());
        while (cursor.MoveNext())
        {
            cursor.Position.Should().Be(rows.Count);
            rows.Add(string.Join(" | ", readers.Select(read => read())));
            var id = default(DataViewRowId);
            idGetter(ref id);
            ids.Add(id);
        }
        return (rows, ids);
    }
}
