namespace Deq.MLNet.Networks;

/// <summary>v -> scale * v + shift, element-wise, in float64: how features and labels are standardised.</summary>
internal sealed class AffineMap(double[] scale, double[] shift)
{
    public ReadOnlySpan<double> Scale => scale;

    public ReadOnlySpan<double> Shift => shift;

    public int Size => scale.Length;

    public static AffineMap Identity(int size)
    {
        var ones = new double[size];
        Array.Fill(ones, 1);
        return new AffineMap(ones, new double[size]);
    }

    public static AffineMap Zero(int size) => new(new double[size], new double[size]);

    public AffineMap Inverse() => new([.. scale.Select(s => 1 / s)], [.. scale.Zip(shift, (s, t) => -t / s)]);

    public double Apply(int index, double value) => scale[index] * value + shift[index];

    /// <summary>Folds the map into the layer behind it: weights (rows x Size) and bias of W (scale * v + shift) + b.</summary>
    public (float[] Weights, float[] Bias) FoldBefore(ReadOnlySpan<float> weights, ReadOnlySpan<float> bias)
    {
        var folded = new float[weights.Length];
        var foldedBias = new float[bias.Length];
        for (var row = 0; row < bias.Length; row++)
        {
            double sum = bias[row];
            for (var i = 0; i < Size; i++)
            {
                double w = weights[row * Size + i];
                folded[row * Size + i] = (float)(w * scale[i]);
                sum += w * shift[i];
            }
            foldedBias[row] = (float)sum;
        }
        return (folded, foldedBias);
    }

    /// <summary>Folds the map into the layer before it: weights (Size x columns) and bias of scale * (W v + b) + shift.</summary>
    public (float[] Weights, float[] Bias) FoldAfter(ReadOnlySpan<float> weights, ReadOnlySpan<float> bias)
    {
        var columns = weights.Length / Size;
        var folded = new float[weights.Length];
        var foldedBias = new float[Size];
        for (var row = 0; row < Size; row++)
        {
            for (var i = 0; i < columns; i++)
            {
                folded[row * columns + i] = (float)(scale[row] * weights[row * columns + i]);
            }
            foldedBias[row] = (float)(scale[row] * bias[row] + shift[row]);
        }
        return (folded, foldedBias);
    }
}
