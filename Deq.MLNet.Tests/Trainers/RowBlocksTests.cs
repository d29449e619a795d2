using CsCheck;
using Deq.MLNet.Trainers;

namespace Deq.MLNet.Tests.Trainers;

public sealed class RowBlocksTests
{
    /// <summary>So many rows that there are many blocks, of which the last is full or not.</summary>
    [Fact]
    public void Rows_come_out_as_they_went_in() => Gen.Select(Gen.Int[1, 9000], Gen.Int[0, 60_000]).Sample((columns, values) =>
    {
        var rows = values / columns;
        using var blocks = new RowBlocks(columns);
        for (var row = 0; row < rows; row++)
        {
            var room = blocks.Add();
            room.Length.Should().Be(columns);
            for (var column = 0; column < columns; column++)
            {
                room[column] = row * columns + column;
            }
        }

        blocks.Count.Should().Be(rows * columns);
        blocks.TakeAll().AsSpan().SequenceEqual([.. Enumerable.Range(0, rows * columns).Select(i => (float)i)]).Should().BeTrue();
        blocks.Count.Should().Be(0);
    }, iter: LongForm.Times(50));

    [Fact]
    public void A_row_may_be_longer_than_any_block()
    {
        using var blocks = new RowBlocks(10_000_000);
        foreach (var value in new[] { 1f, 2 })
        {
            blocks.Add().Fill(value);
        }
        var all = blocks.TakeAll();
        (all.Length, all[9_999_999], all[10_000_000], all[^1]).Should().Be((20_000_000, 1, 2, 2));
    }
}
