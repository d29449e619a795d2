namespace Deq.MLNet.Training.Direct;

/// <summary>Where an array of weights, rows x columns, lies among all weights of a network.</summary>
internal readonly record struct WeightArray(int Offset, int Rows, int Columns)
{
    public int Length => Rows * Columns;

    public int End => Offset + Length;

    public Span<double> Of(double[] weights) => weights.AsSpan(Offset, Length);

    public Span<double> Row(double[] weights, int row) => weights.AsSpan(Offset + row * Columns, Columns);
}
