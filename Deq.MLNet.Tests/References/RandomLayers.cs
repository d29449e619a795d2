namespace Deq.MLNet.Tests.References;

/// <summary>Layers of a random feed-forward network.</summary>
internal static class RandomLayers
{
    /// <param name="random">Where the weights come from.</param>
    /// <param name="sizes">The number of features, of every hidden layer and of outputs.</param>
    public static DenseLayer[] Of(Random random, params int[] sizes) =>
        [.. sizes.Zip(sizes.Skip(1), (inputs, outputs) => new DenseLayer(RandomCell.Values(random, inputs * outputs, 1 / Math.Sqrt(inputs)), RandomCell.Values(random, outputs, 0.5)))];
}
