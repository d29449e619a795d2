using Deq.MLNet.Networks;

namespace Deq.MLNet.Storage;

/// <summary>The fields of a network, in the order in which they are stored. A change of this order is a new format version.</summary>
internal static partial class NetworkPayload
{
    private const byte DeqKind = 0, FnnKind = 1;

    public static void Write(Network network, BinaryWriter writer)
    {
        writer.Write(network is DeqNetwork ? DeqKind : FnnKind);
        writer.Write((byte)network.Activation);
        writer.Write((byte)network.Link);
        writer.Write(network.InputSize);
        switch (network)
        {
            case DeqNetwork deq: WriteDeq(deq, writer); break;
            case FnnNetwork fnn: WriteFnn(fnn, writer); break;
            default: throw new NotSupportedException($"{network.GetType().Name} has no stored form.");
        }
    }

    /// <param name="reader">The bytes.</param>
    /// <param name="version">The format that they are of, up to <see cref="NetworkFormat.Version"/>.</param>
    public static Network Read(PayloadReader reader, int version)
    {
        try
        {
            var kind = reader.Byte("kind");
            var activation = reader.Enum<Activation>("activation");
            var link = reader.Enum<Link>("link");
            var inputs = reader.Size("features");
            Network network = kind switch
            {
                DeqKind => ReadDeq(ref reader, inputs, activation, link, version),
                FnnKind => ReadFnn(ref reader, inputs, activation, link),
                _ => throw reader.Invalid("kind", kind),
            };
            reader.End();
            return network;
        }
        catch (Exception e) when (e is ArgumentException or OverflowException)
        {
            // The constructors judge the values, here as everywhere.
            throw new ModelFormatException($"The network's content is impossible: {e.Message}", e);
        }
    }

    private static void WriteDeq(DeqNetwork network, BinaryWriter writer)
    {
        writer.Write(network.StateSize);
        writer.Write(network.OutputSize);
        writer.Write(network.Encoder.Count);
        foreach (var layer in network.Encoder)
        {
            writer.Write(layer.OutputSize);
        }
        writer.Write(network.Weights.S is not null);
        writer.Write(network.Weights.Gain is not null);
        foreach (var (_, values) in network.Weights.Arrays)
        {
            Write(values.Span, writer);
        }
        Write(network.Scoring, writer);
        Write(network.Certificate, writer);
        writer.Write(network.UnrollCurves.Count);
        foreach (var curve in network.UnrollCurves)
        {
            Write(curve, writer);
        }
    }

    private static DeqNetwork ReadDeq(ref PayloadReader reader, int inputs, Activation activation, Link link, int version)
    {
        var (states, outputs) = (reader.Size("state size"), reader.Size("outputs"));
        var layers = reader.Count("encoder layers");
        var sizes = new List<int>();
        while (sizes.Count < layers)
        {
            sizes.Add(reader.Size($"outputs of encoder layer {sizes.Count}"));
        }
        var shape = new DeqShape(states, inputs, outputs) { EncoderSizes = sizes, HasSkip = reader.Bool("skip connection"), IsNormalized = reader.Bool("layer normalisation") };
        var arrays = new Dictionary<string, float[]>();
        foreach (var (name, lengths) in shape.Arrays)
        {
            arrays[name] = reader.Singles(lengths[0], lengths.Length > 1 ? lengths[1] : 1, name);
        }
        var scoring = ReadSettings(ref reader);
        var certificate = ReadCertificate(ref reader, states);
        Combination.CheckNetwork(certificate.Rule, activation, scoring.Solver);
        return new DeqNetwork(DeqWeights.Of(shape, arrays), activation, link, scoring, certificate.Rule, certificate, ReadCurves(ref reader, version));
    }

    private static void WriteFnn(FnnNetwork network, BinaryWriter writer)
    {
        writer.Write(network.Layers.Count);
        foreach (var layer in network.Layers)
        {
            writer.Write(layer.OutputSize);
            Write(layer.Weights.Span, writer);
            Write(layer.Bias.Span, writer);
        }
    }

    private static FnnNetwork ReadFnn(ref PayloadReader reader, int inputs, Activation activation, Link link)
    {
        var count = reader.Size("layers");
        var layers = new List<DenseLayer>();
        while (layers.Count < count)
        {
            var outputs = reader.Size($"outputs of layer {layers.Count}");
            var weights = reader.Singles(outputs, inputs, $"weights of layer {layers.Count}");
            var bias = reader.Singles(outputs, 1, $"bias of layer {layers.Count}");
            layers.Add(new DenseLayer(weights, bias));
            inputs = outputs;
        }
        return new FnnNetwork(layers, activation, link);
    }

    private static void Write(ReadOnlySpan<float> values, BinaryWriter writer)
    {
        foreach (var value in values)
        {
            writer.Write(value);
        }
    }
}
