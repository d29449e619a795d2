using Deq.MLNet.Networks;

namespace Deq.MLNet.Storage;

/// <summary>The fields of a network, in the order in which they are stored. A change of this order is a new format version.</summary>
internal static class NetworkPayload
{
    private const byte DeqKind = 0, FnnKind = 1;
    private const byte PicardKind = 0, AndersonKind = 1, NewtonKind = 2, ForwardSubstitutionKind = 3, ForwardBackwardKind = 4, PeacemanRachfordKind = 5, AutoKind = 6;
    private const byte NoRuleKind = 0, SpectralKind = 1, InfinityNormKind = 2, PerronKind = 3, MonotoneKind = 4, StrictlyTriangularKind = 5, DiagonalKind = 6;

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

    public static Network Read(PayloadReader reader)
    {
        try
        {
            var kind = reader.Byte("kind");
            var activation = reader.Enum<Activation>("activation");
            var link = reader.Enum<Link>("link");
            var inputs = reader.Size("features");
            Network network = kind switch
            {
                DeqKind => ReadDeq(ref reader, inputs, activation, link),
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
        Write(network.Unroll, writer);
    }

    private static DeqNetwork ReadDeq(ref PayloadReader reader, int inputs, Activation activation, Link link)
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
        return new DeqNetwork(DeqWeights.Of(shape, arrays), activation, link, scoring, certificate.Rule, certificate, ReadUnroll(ref reader));
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

    private static void Write(EquilibriumSettings settings, BinaryWriter writer)
    {
        switch (settings.Solver)
        {
            case Picard picard:
                writer.Write(PicardKind);
                writer.Write(picard.Damping);
                break;
            case Anderson anderson:
                writer.Write(AndersonKind);
                writer.Write(anderson.Memory);
                writer.Write(anderson.Damping);
                writer.Write(anderson.Ridge);
                break;
            case Newton:
                writer.Write(NewtonKind);
                break;
            case ForwardSubstitution:
                writer.Write(ForwardSubstitutionKind);
                break;
            case ForwardBackward splitting:
                writer.Write(ForwardBackwardKind);
                writer.Write(splitting.Step is not null);
                if (splitting.Step is { } step)
                {
                    writer.Write(step);
                }
                break;
            case PeacemanRachford splitting:
                writer.Write(PeacemanRachfordKind);
                writer.Write(splitting.Step);
                break;
            case Auto:
                writer.Write(AutoKind);
                break;
            default:
                throw new NotSupportedException($"{settings.Solver} has no stored form.");
        }
        writer.Write(settings.Tolerance.Relative);
        writer.Write(settings.Tolerance.Absolute);
        writer.Write(settings.MaxIterations);
        writer.Write((byte)settings.OnNonConvergence);
    }

    private static EquilibriumSettings ReadSettings(ref PayloadReader reader)
    {
        var kind = reader.Byte("solver");
        FixedPointSolver solver = kind switch
        {
            PicardKind => new Picard(reader.Single("damping")),
            AndersonKind => new Anderson(reader.Int32("memory"), reader.Single("damping"), reader.Double("ridge")),
            NewtonKind => new Newton(),
            ForwardSubstitutionKind => new ForwardSubstitution(),
            ForwardBackwardKind => new ForwardBackward(reader.Bool("step") ? reader.Single("step") : null),
            PeacemanRachfordKind => new PeacemanRachford(reader.Single("step")),
            AutoKind => new Auto(),
            _ => throw reader.Invalid("solver", kind),
        };
        var tolerance = new Tolerance(reader.Double("relative tolerance"), reader.Double("absolute tolerance"));
        return new EquilibriumSettings(solver, tolerance, reader.Int32("iterations at the most"), reader.Enum<OnNonConvergence>("rows that do not converge"));
    }

    private static void Write(Certificate certificate, BinaryWriter writer)
    {
        writer.Write(certificate.Rule switch
        {
            NoRule => NoRuleKind,
            SpectralRule => SpectralKind,
            InfinityNormRule => InfinityNormKind,
            PerronRule => PerronKind,
            MonotoneRule => MonotoneKind,
            StrictlyTriangularRule => StrictlyTriangularKind,
            DiagonalRule => DiagonalKind,
            _ => throw new NotSupportedException($"{certificate.Rule} has no stored form."),
        });
        if (certificate.Rule is MonotoneRule { Margin: var margin })
        {
            writer.Write(margin);
        }
        else if (certificate.Rule.Bound is { } bound)
        {
            writer.Write(bound);
        }
        writer.Write(certificate.ContractionFactor);
        writer.Write(certificate.IsProved);
        if (certificate.ErrorPerResidual is { } error)
        {
            writer.Write(error);
        }
    }

    private static Certificate ReadCertificate(ref PayloadReader reader, int states)
    {
        var kind = reader.Byte("rule");
        var rule = kind switch
        {
            NoRuleKind => WellPosedness.None,
            SpectralKind => WellPosedness.Spectral(reader.Single("spectral bound")),
            InfinityNormKind => WellPosedness.InfinityNorm(reader.Single("infinity norm bound")),
            PerronKind => WellPosedness.Perron(reader.Single("Perron bound")),
            MonotoneKind => WellPosedness.Monotone(reader.Single("monotone margin")),
            StrictlyTriangularKind => WellPosedness.StrictlyTriangular,
            DiagonalKind => WellPosedness.Diagonal(reader.Single("diagonal bound")),
            _ => throw reader.Invalid("rule", kind),
        };
        var factor = reader.Double("contraction factor");
        double? error = reader.Bool("whether it is proved") ? reader.Double("error per residual") : null;
        var certificate = new Certificate(rule, states, factor, error);
        return certificate.IsPossible ? certificate : throw reader.Invalid("contraction factor, or the error per residual of it,", FormattableString.Invariant($"{factor}, {error}"));
    }

    private static void Write(UnrollCurve? curve, BinaryWriter writer)
    {
        writer.Write(curve is not null);
        if (curve is not null)
        {
            writer.Write(curve.Rows);
            writer.Write(curve.Scale);
            writer.Write(curve.MaxErrors.Count);
            Write([.. curve.MaxErrors], writer);
            Write([.. curve.MeanErrors], writer);
        }
    }

    private static UnrollCurve? ReadUnroll(ref PayloadReader reader)
    {
        if (!reader.Bool("unroll curve"))
        {
            return null;
        }
        var rows = reader.Size("rows of the unroll curve");
        var scale = reader.Single("scale of the unroll curve");
        if (!(scale >= 0 && float.IsFinite(scale)))
        {
            throw reader.Invalid("scale of the unroll curve", scale);
        }
        var steps = reader.Size("steps of the unroll curve");
        return new UnrollCurve(rows, scale, Errors(ref reader, steps, "largest errors"), Errors(ref reader, steps, "mean errors"));
    }

    /// <summary>Errors of plain iteration; those of one that runs away are infinite or NaN.</summary>
    private static float[] Errors(ref PayloadReader reader, int steps, string field)
    {
        var errors = reader.Singles(1, steps, field);
        var negative = Array.FindIndex(errors, e => e < 0);
        return negative < 0 ? errors : throw reader.Invalid(field, errors[negative]);
    }

    private static void Write(ReadOnlySpan<float> values, BinaryWriter writer)
    {
        foreach (var value in values)
        {
            writer.Write(value);
        }
    }
}
