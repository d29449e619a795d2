namespace Deq.MLNet.Numerics;

/// <summary>A row-major matrix with room for whole tiles: rows up to a multiple of 8, columns up to one of 32. What lies beyond the columns is zero as long as nobody writes there.</summary>
internal sealed unsafe class PaddedMatrix
{
    private readonly AlignedArray _values;

    public PaddedMatrix(int rows, int columns)
    {
        (Rows, Columns, Stride) = (rows, columns, Tile.PaddedColumns(columns));
        _values = new AlignedArray(checked(Tile.PaddedRows(rows) * Stride));
    }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>From one row to the next.</summary>
    public int Stride { get; }

    /// <summary>The first value of a row, of those with padding.</summary>
    public float* Row(int row) => _values.Pointer + (nint)row * Stride;

    /// <summary>The columns of a row.</summary>
    public Span<float> this[int row] => _values.Span.Slice(row * Stride, Columns);

    /// <summary>Sets the columns of padding of some rows.</summary>
    public void FillPadding(float value, int first, int count)
    {
        for (var row = first; row < first + count; row++)
        {
            _values.Span.Slice(row * Stride + Columns, Stride - Columns).Fill(value);
        }
    }

    /// <summary>Everything, padding too.</summary>
    public Span<float> All => _values.Span;
}
