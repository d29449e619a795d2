using Deq.MLNet.Numerics;

namespace Deq.MLNet.Onnx;

/// <summary>A value: rows of some columns. A constant of one dimension is one row.</summary>
internal sealed class EvaluatedMatrix(float[] data, int width)
{
    private PackedMatrix? _packed, _transposed;

    public float[] Data => data;

    public int Width => width;

    public int Rows { get; } = width == 0 ? 0 : data.Length / width;

    /// <summary>Whether it is the same for all rows, and stays.</summary>
    public bool IsConstant { get; set; }

    /// <summary>Whether other values have the same array.</summary>
    public bool IsShared { get; private set; }

    public Span<float> this[int row] => data.AsSpan(row * width, width);

    public PackedMatrix Packed => _packed ??= new PackedMatrix(data, Rows, width, Tile.Best);

    public PackedMatrix PackedTransposed
    {
        get
        {
            if (_transposed is null)
            {
                var transpose = new float[data.Length];
                CopyTransposed(transpose);
                _transposed = new PackedMatrix(transpose, width, Rows, Tile.Best);
            }
            return _transposed;
        }
    }

    public void CopyTransposed(Span<float> to)
    {
        for (var row = 0; row < Rows; row++)
        {
            for (var column = 0; column < width; column++)
            {
                to[column * Rows + row] = data[row * width + column];
            }
        }
    }

    public EvaluatedMatrix Share()
    {
        IsShared = true;
        return new EvaluatedMatrix(data, width) { IsShared = true };
    }
}

/// <summary>The rows of a value as they meet those of a result: the only row again and again, the only column in every place.</summary>
internal readonly struct Stretched(EvaluatedMatrix value, int width)
{
    private readonly float[]? _row = value.Width == width ? null : new float[width];

    public ReadOnlySpan<float> this[int row]
    {
        get
        {
            var own = value.Rows == 1 ? value[0] : value[row];
            if (_row is null)
            {
                return own;
            }
            Array.Fill(_row, own[0]);
            return _row;
        }
    }
}
