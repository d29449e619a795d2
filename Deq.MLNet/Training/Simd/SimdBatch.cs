using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd;

/// <summary>Some rows of a batch that one thread works on: whole tiles of 8, the last of which may have rows of padding.</summary>
/// <param name="First">A multiple of 8.</param>
/// <param name="Count">Rows that count.</param>
internal readonly record struct RowBlock(int First, int Count)
{
    /// <summary>Rows with padding.</summary>
    public int Padded => Tile.PaddedRows(Count);

    /// <summary>These rows of a matrix, with all padding.</summary>
    public Span<float> Of(PaddedMatrix matrix) => matrix.All.Slice(First * matrix.Stride, Padded * matrix.Stride);
}

/// <summary>The rows of one step, or some of an evaluation. Rows of padding repeat the last one, so that they behave as it does; they count for nothing.</summary>
internal sealed class SimdBatch(int rows, int features, int outputs)
{
    /// <summary>B.</summary>
    public int Rows { get; } = rows;

    /// <summary>B x n.</summary>
    public PaddedMatrix X { get; } = new(rows, features);

    /// <summary>B x K, the affine outputs.</summary>
    public PaddedMatrix Outputs { get; } = new(rows, outputs);

    /// <summary>B x K, the gradient of the mean loss by the outputs.</summary>
    public PaddedMatrix OutputGradient { get; } = new(rows, outputs);

    /// <summary>The indices of the training rows, B.</summary>
    public int[] Indices { get; } = new int[rows];

    /// <summary>The sum of the rows' weights.</summary>
    public double TotalWeight { get; private set; }

    /// <summary>Takes the rows at <see cref="Indices"/>.</summary>
    public void Gather(TrainingData data)
    {
        for (var row = 0; row < Tile.PaddedRows(Rows); row++)
        {
            data.Row(Indices[Math.Min(row, Rows - 1)]).Span.CopyTo(X[row]);
        }
        TotalWeight = 0;
        foreach (var index in Indices)
        {
            TotalWeight += data.Weight(index);
        }
    }
}
