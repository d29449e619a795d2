using System.Numerics.Tensors;

namespace Deq.MLNet.Training.Direct.Cells;

/// <summary>A strictly lower triangular W: state after state forth, and from the last one back.</summary>
internal sealed class SubstitutionCell(WeightArray w, Activation activation, int z, int m, DirectLayer readout) : DirectCell(w, activation, z, m, readout)
{
    /// <summary>One pass, with nothing left of a residual.</summary>
    private static readonly BatchSolution Exact = new(1, 0, 1);

    public override BatchSolution Solve(double[] weights, Signals signals, Block block)
    {
        for (var i = 0; i < W.Rows; i++)
        {
            var sums = signals[Z + i, block];
            var row = W.Row(weights, i);
            for (var j = 0; j < i; j++)
            {
                TensorPrimitives.MultiplyAdd(signals[Z + j, block], row[j], sums, sums);
            }
            DirectLayer.Activate(Activation, sums, signals[M + i, block]);
        }
        return Exact;
    }

    public override BatchSolution Adjoint(double[] weights, Signals signals, Block block)
    {
        Span<double> sums = stackalloc double[block.Count];
        for (var j = W.Rows - 1; j >= 0; j--)
        {
            sums.Clear();
            Readout.AddBack(weights, signals, block, j, sums);
            for (var i = j + 1; i < W.Rows; i++)
            {
                TensorPrimitives.MultiplyAdd(signals[M + i, block], W.Row(weights, i)[j], sums, sums);
            }
            var mu = signals[M + j, block];
            TensorPrimitives.Multiply(mu, sums, mu);
        }
        return Exact;
    }
}
