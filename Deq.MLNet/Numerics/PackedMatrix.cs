namespace Deq.MLNet.Numerics;

/// <summary>Some rows of a packed matrix: so many vectors of the form that their sums stay in registers.</summary>
/// <param name="Row">The first.</param>
/// <param name="Vectors">8, 4, 2 or 1, of which the last may reach beyond the rows, where zeros are; 0 where rows are so few that each is kept by itself, in whole vectors.</param>
/// <param name="Start">Its values: of each column those of these rows, one column after the other.</param>
internal readonly record struct RowPanel(int Row, int Vectors, nint Start);

/// <summary>A matrix (rows x columns) for products with one vector: in panels of rows, each column by column, so that columns whose factor is zero can be passed over.</summary>
internal sealed unsafe class PackedMatrix
{
    private readonly AlignedArray _values;
    private readonly int _lanes;

    /// <summary>Packs.</summary>
    /// <param name="matrix">Row-major.</param>
    /// <param name="rows">At least 1.</param>
    /// <param name="columns">At least 1.</param>
    /// <param name="form">Of the kernels that will read it.</param>
    public PackedMatrix(ReadOnlySpan<float> matrix, int rows, int columns, VectorForm form)
    {
        (Rows, Columns, _lanes) = (rows, columns, (int)form);
        if (4 * rows <= _lanes)
        {
            var stride = Padded(columns);
            Panels = [new RowPanel(0, 0, 0)];
            _values = new AlignedArray(checked(rows * stride));
            for (var row = 0; row < rows; row++)
            {
                matrix.Slice(row * columns, columns).CopyTo(_values.Span[(row * stride)..]);
            }
            return;
        }
        Panels = [.. Split(rows, columns)];
        _values = new AlignedArray(checked(Panels.Sum(panel => panel.Vectors) * _lanes * columns));
        foreach (var panel in Panels)
        {
            var width = panel.Vectors * _lanes;
            for (var row = panel.Row; row < Math.Min(rows, panel.Row + width); row++)
            {
                var to = this[panel] + (row - panel.Row);
                for (var column = 0; column < columns; column++)
                {
                    to[(nint)column * width] = matrix[row * columns + column];
                }
            }
        }
    }

    public int Rows { get; }

    public int Columns { get; }

    public RowPanel[] Panels { get; }

    /// <summary>The values of a panel; valid while this object is reachable.</summary>
    public float* this[RowPanel panel] => _values.Pointer + panel.Start;

    private IEnumerable<RowPanel> Split(int rows, int columns)
    {
        for (var row = 0; row < rows;)
        {
            var left = Padded(rows - row) / _lanes;
            // One vector of padding costs less than another pass over the columns.
            var vectors = left switch { >= 7 => 8, >= 3 => 4, _ => left };
            yield return new RowPanel(row, vectors, (nint)row * columns);
            row += vectors * _lanes;
        }
    }

    private int Padded(int count) => checked(count + _lanes - 1) / _lanes * _lanes;
}
