using System.Numerics.Tensors;

namespace Deq.MLNet.Training.Direct.Projections;

/// <summary>Keeps the sums of magnitudes of rows of weights under a limit; rows that do not move are left as they are.</summary>
internal sealed class WeightLimit(double? limit, IEnumerable<BoundedRows> bounded)
{
    private readonly BoundedRows[] _bounded = [.. bounded];

    public void Apply(double[] weights, bool[] isFree)
    {
        // Rounded to float32, a row must not be above it.
        if (limit * (1 - BoundMargins.Rounding) is not { } most)
        {
            return;
        }
        foreach (var rows in _bounded)
        {
            for (var i = 0; i < rows.Rows; i++)
            {
                var first = rows.Offset + i * rows.Length;
                var row = weights.AsSpan(first, rows.Length);
                var sum = TensorPrimitives.SumOfMagnitudes<double>(row);
                if (sum > most && isFree.AsSpan(first, rows.Length).Contains(true))
                {
                    TensorPrimitives.Multiply(row, most / sum, row);
                }
            }
        }
    }
}
