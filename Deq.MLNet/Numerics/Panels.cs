namespace Deq.MLNet.Numerics;

/// <summary>A matrix (depth x columns) packed for <see cref="Tile"/>: panels of 32 columns, one after another, zero beyond the last column.</summary>
internal sealed unsafe class Panels
{
    private const int Block = 16;

    private readonly AlignedArray _values;

    public Panels(int depth, int columns)
    {
        (Depth, Columns) = (depth, columns);
        _values = new AlignedArray(checked(depth * Tile.PaddedColumns(columns)));
    }

    /// <summary>The rows of the matrix.</summary>
    public int Depth { get; }

    public int Columns { get; }

    /// <summary>How many panels there are.</summary>
    public int Count => Tile.PaddedColumns(Columns) / Tile.Columns;

    /// <summary>One panel.</summary>
    public float* this[int panel] => _values.Pointer + (nint)panel * Depth * Tile.Columns;

    /// <summary>Takes a matrix, row-major.</summary>
    /// <param name="matrix">Its first value.</param>
    /// <param name="stride">From one row to the next.</param>
    public void Pack(float* matrix, int stride)
    {
        for (var panel = 0; panel < Count; panel++)
        {
            var to = this[panel];
            var first = panel * Tile.Columns;
            var width = Math.Min(Tile.Columns, Columns - first);
            for (var depth = 0; depth < Depth; depth++)
            {
                new ReadOnlySpan<float>(matrix + (nint)depth * stride + first, width).CopyTo(new Span<float>(to + (nint)depth * Tile.Columns, width));
            }
        }
    }

    /// <summary>Takes the transpose of a matrix (columns x depth), row-major.</summary>
    /// <param name="matrix">Its first value.</param>
    /// <param name="stride">From one of its rows to the next.</param>
    public void PackTransposed(float* matrix, int stride)
    {
        // In blocks, each of which reads whole lines of the cache and writes whole ones.
        for (var first = 0; first < Depth; first += Block)
        {
            var end = Math.Min(Depth, first + Block);
            for (var column = 0; column < Columns; column++)
            {
                var from = matrix + (nint)column * stride;
                var to = this[column / Tile.Columns] + column % Tile.Columns;
                for (var depth = first; depth < end; depth++)
                {
                    to[(nint)depth * Tile.Columns] = from[depth];
                }
            }
        }
    }
}
