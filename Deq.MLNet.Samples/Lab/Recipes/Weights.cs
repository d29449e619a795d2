namespace Deq.MLNet.Samples.Lab;

/// <summary>How large the weights of a network are.</summary>
internal static class Weights
{
    /// <summary>The largest magnitude of a weight; biases are not among them. NaN without a network.</summary>
    public static double Largest(Network? network) => network is null ? double.NaN : Matrices(network).Max(matrix => matrix.Values.ToArray().Max(Math.Abs));

    /// <summary>The largest sum of magnitudes in a row of a layer, which is its infinity norm; a cell's W and U are layers of their own. NaN without a network.</summary>
    public static double LargestRowSum(Network? network) => network is null ? double.NaN : Matrices(network).Max(matrix => matrix.Values.ToArray().Chunk(matrix.Columns).Max(row => row.Sum(Math.Abs)));

    private static IEnumerable<(ReadOnlyMemory<float> Values, int Columns)> Matrices(Network network) => network switch
    {
        DeqNetwork deq => [(deq.W, deq.StateSize), (deq.U, deq.InputSize), (deq.V, deq.StateSize)],
        FnnNetwork fnn => fnn.Layers.Select(layer => (layer.Weights, layer.InputSize)),
        _ => throw new NotSupportedException($"{network.GetType().Name} is no network of the laboratory."),
    };
}
