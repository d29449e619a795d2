namespace Deq.MLNet.Networks;

/// <summary>The sizes of a deep equilibrium network's parts, from which the name and the shape of every array follow.</summary>
/// <param name="States">d.</param>
/// <param name="Inputs">n.</param>
/// <param name="Outputs">K.</param>
internal sealed record DeqShape(int States, int Inputs, int Outputs)
{
    /// <summary>The outputs of every encoder layer, first to last.</summary>
    public IReadOnlyList<int> EncoderSizes { get; init; } = [];

    /// <summary>Whether there is a skip connection S.</summary>
    public bool HasSkip { get; init; }

    /// <summary>Whether the cell is layer-normalised.</summary>
    public bool IsNormalized { get; init; }

    /// <summary>The size of what U acts on: n, or that of the last encoder layer.</summary>
    public int EncodedSize => EncoderSizes.Count > 0 ? EncoderSizes[^1] : Inputs;

    /// <summary>Every array in the order in which they are stored and trained.</summary>
    public IEnumerable<(string Name, long[] Sizes)> Arrays
    {
        get
        {
            yield return ("W", [States, States]);
            yield return ("U", [States, EncodedSize]);
            yield return ("b", [States]);
            yield return ("V", [Outputs, States]);
            yield return ("c", [Outputs]);
            if (HasSkip)
            {
                yield return ("S", [Outputs, Inputs]);
            }
            if (IsNormalized)
            {
                yield return ("gain", [States]);
                yield return ("shift", [States]);
            }
            for (var i = 0; i < EncoderSizes.Count; i++)
            {
                yield return (EncoderWeights(i), [EncoderSizes[i], i == 0 ? Inputs : EncoderSizes[i - 1]]);
                yield return (EncoderBias(i), [EncoderSizes[i]]);
            }
        }
    }

    public static string EncoderWeights(int layer) => FormattableString.Invariant($"encoder[{layer}].W");

    public static string EncoderBias(int layer) => FormattableString.Invariant($"encoder[{layer}].b");
}
