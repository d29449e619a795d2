using Deq.MLNet.Training.Direct.Cells;

namespace Deq.MLNet.Training.Direct;

/// <summary>What a network makes of some rows, in float64, signal by signal: every feature, state, output and gradient has its values of all rows side by side.</summary>
internal sealed class Signals
{
    /// <summary>Rows that one thread goes through at a time.</summary>
    private const int BlockRows = 256;

    private readonly double[] _values;

    /// <param name="count">How many signals.</param>
    /// <param name="rows">How many values each has.</param>
    public Signals(int count, int rows)
    {
        (Rows, Stride) = (rows, StrideOf(rows));
        _values = new double[checked(count * Stride)];
        Blocks = [.. Enumerable.Range(0, (rows + BlockRows - 1) / BlockRows).Select(b => new Block(b * BlockRows, Math.Min(BlockRows, rows - b * BlockRows)))];
    }

    public int Rows { get; }

    /// <summary>From one signal to the next; what follows the last row is zero.</summary>
    public int Stride { get; }

    public IReadOnlyList<Block> Blocks { get; }

    /// <summary>The values of all rows.</summary>
    public Span<double> this[int signal] => _values.AsSpan(signal * Stride, Rows);

    /// <summary>The values of some rows.</summary>
    public Span<double> this[int signal, Block block] => _values.AsSpan(signal * Stride + block.First, block.Count);

    /// <summary>Copies the values that consecutive signals have in one row.</summary>
    public void ReadRow(int firstSignal, int row, Span<double> to)
    {
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = _values[(firstSignal + i) * Stride + row];
        }
    }

    /// <summary>Replaces the values that consecutive signals have in one row.</summary>
    public void WriteRow(int firstSignal, int row, ReadOnlySpan<double> from)
    {
        for (var i = 0; i < from.Length; i++)
        {
            _values[(firstSignal + i) * Stride + row] = from[i];
        }
    }

    /// <summary>The place that so many values take: whole vectors, and an odd number of cache lines, so that the values of one row do not crowd one part of the cache.</summary>
    public static int StrideOf(int rows) => ((rows + 7) / 8 | 1) * 8;
}

/// <summary>Consecutive rows that one thread goes through, and how their equilibria were found.</summary>
internal sealed class Block(int first, int count)
{
    public int First => first;

    public int Count => count;

    /// <summary>Of the last forward pass.</summary>
    public BatchSolution Forward { get; set; }

    /// <summary>Of the last backward pass.</summary>
    public BatchSolution Backward { get; set; }

    /// <summary>What the cell's solver keeps from the forward to the backward pass; null before the first.</summary>
    public NewtonRoom? Room { get; set; }
}
