using System.Numerics.Tensors;

namespace Deq.MLNet.Training.Direct;

/// <summary>An affine map of signals, y = A x + b.</summary>
/// <param name="A">Outputs x inputs.</param>
/// <param name="B">One row; null for none.</param>
/// <param name="X">The first signal that it reads.</param>
/// <param name="Y">The first that it writes.</param>
/// <param name="G">The first signal of the gradient by y.</param>
internal sealed record DirectLayer(WeightArray A, WeightArray? B, int X, int Y, int G)
{
    /// <summary>Writes y of a block; with <paramref name="adds"/> adds A x to what is there.</summary>
    public void Apply(double[] weights, Signals signals, Block block, bool adds = false)
    {
        for (var i = 0; i < A.Rows; i++)
        {
            var y = signals[Y + i, block];
            var a = A.Row(weights, i);
            if (!adds)
            {
                y.Fill(B is { } b ? weights[b.Offset + i] : 0);
            }
            for (var j = 0; j < a.Length; j++)
            {
                TensorPrimitives.MultiplyAdd(signals[X + j, block], a[j], y, y);
            }
        }
    }

    /// <summary>Adds to sums what output gradients pass on to input j: (A'g)_j.</summary>
    public void AddBack(double[] weights, Signals signals, Block block, int j, Span<double> sums)
    {
        for (var i = 0; i < A.Rows; i++)
        {
            TensorPrimitives.MultiplyAdd(signals[G + i, block], weights[A.Offset + i * A.Columns + j], sums, sums);
        }
    }

    /// <summary>Where x is phi of other signals, whose slopes stand where the gradient by them belongs: multiplies these by A'g.</summary>
    public void Back(double[] weights, Signals signals, Block block, int slopes)
    {
        Span<double> sums = stackalloc double[block.Count];
        for (var j = 0; j < A.Columns; j++)
        {
            sums.Clear();
            AddBack(weights, signals, block, j, sums);
            var slope = signals[slopes + j, block];
            TensorPrimitives.Multiply(slope, sums, slope);
        }
    }

    /// <summary>Replaces y by phi(y), and keeps the slopes where the gradient by y will be.</summary>
    public void Activate(Activation activation, Signals signals, Block block)
    {
        for (var i = 0; i < A.Rows; i++)
        {
            Activate(activation, signals[Y + i, block], signals[G + i, block]);
        }
    }

    /// <summary>Replaces sums by phi of them, and writes the slopes there.</summary>
    public static void Activate(Activation activation, Span<double> sums, Span<double> slopes)
    {
        sums.CopyTo(slopes);
        activation.Slope(slopes);
        activation.Apply(sums);
    }

    /// <summary>Tells of each weight the two signals whose product is the gradient by it.</summary>
    public void Tell(WeightFactors[] factors)
    {
        for (var i = 0; i < A.Rows; i++)
        {
            for (var j = 0; j < A.Columns; j++)
            {
                factors[A.Offset + i * A.Columns + j] = new WeightFactors(G + i, X + j);
            }
            if (B is { } b)
            {
                factors[b.Offset + i] = new WeightFactors(G + i, DirectModel.Ones);
            }
        }
    }
}

/// <summary>Of one weight the two signals whose product, row by row, is the gradient by it: that by the sum which it is a term of, and what it multiplies.</summary>
internal readonly record struct WeightFactors(int Gradient, int Input);
