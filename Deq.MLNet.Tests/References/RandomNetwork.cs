using CsCheck;

namespace Deq.MLNet.Tests.References;

/// <summary>A random deep equilibrium network with any of its parts, and rows for it.</summary>
internal sealed record RandomNetwork(int Size, int Inputs, int Outputs, double Norm, Activation Activation, int[] EncoderSizes, bool Skip, bool Normalized, int Seed)
{
    public static Gen<RandomNetwork> Any { get; } = Of(24);

    public static Gen<RandomNetwork> Of(int mostSize) =>
        from size in Gen.Int[1, mostSize]
        from inputs in Gen.Int[1, 6]
        from outputs in Gen.OneOfConst(1, 3)
        from norm in Gen.Double[0.05, 0.85]
        from activation in Gen.Enum<Activation>()
        from encoder in Gen.Int[1, 8].Array[0, 2]
        from parts in Gen.Select(Gen.Bool, Gen.Bool)
        from seed in Gen.Int[0, 1_000_000]
            // Normal forms of one or two values jump between -1 and 1.
        select new RandomNetwork(parts.Item2 ? Math.Max(3, size) : size, inputs, outputs, norm / Phi.Lipschitz(activation), activation, encoder, parts.Item1, parts.Item2, seed);

    public DeqNetwork Network(Link link = Link.Identity, EquilibriumSettings? scoring = null)
    {
        var random = new Random(Seed);
        float[] Values(int count, double deviation) => RandomCell.Values(random, count, deviation);
        var layers = RandomLayers.Of(random, [Inputs, .. EncoderSizes]);
        var encoded = EncoderSizes.Length > 0 ? EncoderSizes[^1] : Inputs;
        return new DeqNetwork(RandomCell.WithNorm(random, Size, Norm), Values(Size * encoded, 1 / Math.Sqrt(encoded)), Values(Size, 0.5), Values(Outputs * Size, 1 / Math.Sqrt(Size)), Values(Outputs, 0.5),
            Activation, link, null, scoring,
            s: Skip ? Values(Outputs * Inputs, 1) : [],
            encoder: layers,
            gain: Normalized ? [.. Values(Size, 0.1).Select(v => v + 0.5f)] : [],
            shift: Normalized ? Values(Size, 0.5) : []);
    }

    public float[] Row(int index) => RandomCell.Values(new Random(Seed + 1 + index), Inputs, 1);
}
