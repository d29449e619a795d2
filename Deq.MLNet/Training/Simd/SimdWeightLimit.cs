using System.Numerics.Tensors;
using Deq.MLNet.Training.Simd.Projections;

namespace Deq.MLNet.Training.Simd;

/// <summary>Scales rows of weights down to a limit on their sums of magnitudes.</summary>
internal sealed class SimdWeightLimit(SimdParameters parameters, IEnumerable<BoundedRows> bounded, double limit)
{
    private readonly BoundedRows[] _bounded = [.. bounded];

    public void Apply()
    {
        foreach (var rows in _bounded)
        {
            for (var row = 0; row < rows.Rows; row++)
            {
                var values = parameters.Values.Slice(rows.Offset + row * rows.Length, rows.Length);
                var margin = rows.Length > 1 ? 1 + BoundMargins.OfNorm : 1;
                SimdProjection.ScaleDown(values, TensorPrimitives.SumOfMagnitudes<float>(values) * margin, limit);
            }
        }
    }
}
