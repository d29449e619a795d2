namespace Deq.MLNet.Tests.References;

/// <summary>Numbers of networks, and how two lists of them are compared.</summary>
internal static class Values
{
    /// <summary>All weights, in the order of an engine's parameters.</summary>
    public static float[] Weights(this Network network) => network switch
    {
        DeqNetwork deq => [.. deq.Weights.Arrays.SelectMany(a => a.Values.ToArray())],
        FnnNetwork fnn => [.. fnn.Layers.SelectMany(l => l.Weights.ToArray().Concat(l.Bias.ToArray()))],
        _ => throw new NotSupportedException(network.GetType().Name),
    };

    /// <summary>The outputs of one row in float32, by a scratch that holds something before.</summary>
    public static float[] Evaluate(this Network network, ReadOnlySpan<float> x, float scratchContent = 0)
    {
        var (scratch, y) = (new float[network.ScratchSize], new float[network.OutputSize]);
        Array.Fill(scratch, scratchContent);
        network.Evaluate(x, scratch, y);
        return y;
    }

    /// <summary>Every number down to its last bit: -0, NaN payloads and denormals count.</summary>
    public static int[] Bits(this IEnumerable<float> values) => [.. values.Select(BitConverter.SingleToInt32Bits)];

    /// <summary>The largest |x - y| of two lists of the same length without a NaN.</summary>
    public static double LargestDifference(this IEnumerable<double> x, IEnumerable<double> y)
    {
        var (left, right) = (x.ToArray(), y.ToArray());
        left.Should().HaveSameCount(right);
        var differences = left.Zip(right, (a, b) => Math.Abs(a - b)).ToArray();
        differences.Should().NotContain(d => double.IsNaN(d));
        return differences.Max();
    }

    public static double LargestDifference(this IEnumerable<float> x, IEnumerable<float> y) => x.LargestDifference(y.Select(v => (double)v));

    public static double LargestDifference(this IEnumerable<float> x, IEnumerable<double> y) => x.Select(v => (double)v).LargestDifference(y);
}
