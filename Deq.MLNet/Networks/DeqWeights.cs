using Deq.MLNet.Errors;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Networks;

/// <summary>The arrays of a deep equilibrium network, row-major; nobody else writes to them.</summary>
/// <param name="W">d x d.</param>
/// <param name="U">d x n; behind an encoder d x the size of its last layer.</param>
/// <param name="B">d.</param>
/// <param name="V">K x d.</param>
/// <param name="C">K.</param>
internal sealed record DeqWeights(float[] W, float[] U, float[] B, float[] V, float[] C)
{
    /// <summary>K x n, from the features to the outputs; null for no skip connection.</summary>
    public float[]? S { get; init; }

    /// <summary>d, of a layer-normalised cell; null for one that is not.</summary>
    public float[]? Gain { get; init; }

    /// <summary>d, given with <see cref="Gain"/>.</summary>
    public float[]? Shift { get; init; }

    /// <summary>The layers before the cell, phi after each.</summary>
    public IReadOnlyList<DenseLayer> Encoder { get; init; } = [];

    /// <summary>d.</summary>
    public int StateSize => B.Length;

    /// <summary>K.</summary>
    public int OutputSize => C.Length;

    /// <summary>n.</summary>
    public int InputSize => Encoder.Count > 0 ? Encoder[0].InputSize : U.Length / Math.Max(1, StateSize);

    public DeqShape Shape => new(StateSize, InputSize, OutputSize) { EncoderSizes = [.. Encoder.Select(l => l.OutputSize)], HasSkip = S is not null, IsNormalized = Gain is not null };

    /// <summary>Every array with its name, in the order in which they are stored and trained.</summary>
    public IEnumerable<(string Name, ReadOnlyMemory<float> Values)> Arrays => Shape.Arrays.Select(a => (a.Name, Find(a.Name)));

    /// <summary>The arrays of a shape by their names.</summary>
    public static DeqWeights Of(DeqShape shape, IReadOnlyDictionary<string, float[]> arrays) =>
        new(arrays["W"], arrays["U"], arrays["b"], arrays["V"], arrays["c"])
        {
            S = arrays.GetValueOrDefault("S"),
            Gain = arrays.GetValueOrDefault("gain"),
            Shift = arrays.GetValueOrDefault("shift"),
            Encoder = [.. shape.EncoderSizes.Select((_, i) => new DenseLayer(arrays[DeqShape.EncoderWeights(i)], arrays[DeqShape.EncoderBias(i)]))],
        };

    /// <summary>Throws where lengths do not fit or a value is not finite.</summary>
    public DeqWeights Checked()
    {
        var d = Check.AtLeast(StateSize, 1, "the state size");
        DenseLayers.Check(Encoder, InputSize, "encoder");
        var (encoded, ofU) = Encoder.Count > 0 ? (Encoder[^1].OutputSize, "d x the last encoder layer") : (InputSize, "d x n");
        Check.Length<float>(W, checked(d * d), "d x d", "w");
        Check.Length<float>(U, checked(d * encoded), ofU, "u");
        Check.Length<float>(V, checked(OutputSize * d), "K x d", "v");
        if (S is not null)
        {
            Check.Length<float>(S, checked(OutputSize * InputSize), "K x n", "s");
        }
        if (Gain is not null)
        {
            Check.Length<float>(Gain, d, "d", "gain");
            Check.Length<float>(Shift ?? [], d, "d", "shift");
        }
        foreach (var (name, values) in Arrays)
        {
            if (!Kernels.AllFinite(values.Span))
            {
                throw new ArgumentException($"{name} holds a value that is not finite.");
            }
        }
        return this;
    }

    private ReadOnlyMemory<float> Find(string name) => name switch
    {
        "W" => W,
        "U" => U,
        "b" => B,
        "V" => V,
        "c" => C,
        "S" => S,
        "gain" => Gain,
        "shift" => Shift,
        _ => Encoder.SelectMany((layer, i) => new[] { (DeqShape.EncoderWeights(i), layer.Weights), (DeqShape.EncoderBias(i), layer.Bias) }).Single(a => a.Item1 == name).Item2,
    };
}
