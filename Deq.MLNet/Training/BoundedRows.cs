namespace Deq.MLNet.Training;

/// <summary>Rows of weights that a limit is on the sum of magnitudes of, by their place in the flat array of all weights of a network, whose order every engine keeps.</summary>
/// <param name="Offset">The first one's.</param>
/// <param name="Rows">How many follow one another.</param>
/// <param name="Length">Of a row; 1 for biases, each of which is bounded by itself.</param>
internal readonly record struct BoundedRows(int Offset, int Rows, int Length)
{
    /// <summary>What <see cref="TrainingSettings.MaxWeightNorm"/> bounds: all but W, which has its rule, the last bias, which is the unit's of the label, and what a layer-normalised cell multiplies and adds.</summary>
    public static IEnumerable<BoundedRows> Of(Network network)
    {
        var offset = 0;
        foreach (var (name, sizes) in ArraysOf(network))
        {
            var rows = sizes.Length > 1 ? new BoundedRows(offset, (int)sizes[0], (int)sizes[1]) : new BoundedRows(offset, (int)sizes[0], 1);
            if (name is not ("W" or "c" or "gain" or "shift"))
            {
                yield return rows;
            }
            offset += rows.Rows * rows.Length;
        }
    }

    /// <summary>The largest sum of magnitudes of these rows.</summary>
    public static double LargestOf(Network network)
    {
        float[] weights = network switch
        {
            DeqNetwork deq => [.. deq.Weights.Arrays.SelectMany(a => a.Values.ToArray())],
            FnnNetwork fnn => [.. fnn.Layers.SelectMany(l => (float[])[.. l.Weights.Span, .. l.Bias.Span])],
            _ => throw new NotSupportedException($"{network.GetType().Name} has no bounded rows."),
        };
        return Of(network).SelectMany(rows => Enumerable.Range(0, rows.Rows).Select(i => weights.Skip(rows.Offset + i * rows.Length).Take(rows.Length).Sum(w => Math.Abs((double)w)))).DefaultIfEmpty().Max();
    }

    private static IEnumerable<(string Name, long[] Sizes)> ArraysOf(Network network) => network switch
    {
        DeqNetwork deq => deq.Weights.Shape.Arrays,
        FnnNetwork { Layers: var layers } => layers.SelectMany((l, i) => new (string, long[])[] { ($"{i}.W", [l.OutputSize, l.InputSize]), (i < layers.Count - 1 ? $"{i}.b" : "c", [l.OutputSize]) }),
        _ => throw new NotSupportedException($"{network.GetType().Name} has no bounded rows."),
    };
}
