namespace Deq.MLNet.Training;

/// <summary>Rows in memory, row-major: features (rows x n), targets (rows x T: the label, 0 or 1, or the index of a class) and, if given, one weight a row.</summary>
internal sealed record TrainingData(int FeatureCount, int TargetCount, float[] Features, float[] Targets, float[]? Weights)
{
    private const double LeastWeight = 1e-30;

    public int Rows => Targets.Length / TargetCount;

    public double TotalWeight => Weights is null ? Rows : Weights.Sum(w => (double)w);

    /// <summary>Brings the weights to a mean near 1, in their array: their unit means nothing, and float32 sums of huge ones would not be finite.</summary>
    public void NormalizeWeights()
    {
        var exponent = ScaleOfWeights(TotalWeight / Rows);
        for (var row = 0; row < Weights?.Length; row++)
        {
            Weights[row] = ScaleWeight(Weights[row], exponent);
        }
    }

    /// <summary>The power of two that brings weights of this mean near 1: no digit is lost.</summary>
    public static int ScaleOfWeights(double mean) => -Math.ILogB(mean);

    /// <summary>A weight in that scale; one that would leave float32 stays just above 0, as a batch of such rows has a mean too.</summary>
    public static float ScaleWeight(double weight, int exponent) => (float)Math.Max(LeastWeight, Math.ScaleB(weight, exponent));

    public double Weight(int row) => Weights is null ? 1 : Weights[row];

    public ReadOnlyMemory<float> Row(int row) => Features.AsMemory(row * FeatureCount, FeatureCount);

    public TrainingData Select(ReadOnlySpan<int> rows)
    {
        var features = new float[rows.Length * FeatureCount];
        var targets = new float[rows.Length * TargetCount];
        var weights = Weights is null ? null : new float[rows.Length];
        for (var i = 0; i < rows.Length; i++)
        {
            Row(rows[i]).Span.CopyTo(features.AsSpan(i * FeatureCount));
            Targets.AsSpan(rows[i] * TargetCount, TargetCount).CopyTo(targets.AsSpan(i * TargetCount));
            if (weights is not null)
            {
                weights[i] = Weights![rows[i]];
            }
        }
        return this with { Features = features, Targets = targets, Weights = weights };
    }
}
