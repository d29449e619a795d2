using Deq.MLNet.Networks;

namespace Deq.MLNet.Training.Initial;

/// <summary>Makes the deep equilibrium network that a training starts from: a random one, or one that is given with states added.</summary>
internal static class DeqStart
{
    /// <summary>The least share of their weights that states are left with to obey a rule.</summary>
    private const double LeastCoupling = 1e-6;

    /// <summary>Makes a network.</summary>
    /// <param name="architecture">Sizes, rule and initialization.</param>
    /// <param name="given">The network to grow, in standard units and not larger than the architecture; null for none.</param>
    /// <param name="on">What weights are drawn for and from.</param>
    public static DeqNetwork Make(DeqArchitecture architecture, DeqNetwork? given, StartInputs on)
    {
        var kinks = architecture.Initialization.Kinks is not null;
        var states = kinks && given is not null ? States(given, on.NeededRows) : null;
        if (architecture.Initialization is LogTimescalesInitialization || (given is null ? !kinks : !architecture.Keeps(given)) || architecture.Rule is StrictlyTriangularRule or DiagonalRule)
        {
            // What breaks the rule is projected where training begins; a triangular or diagonal form takes entries of new states alone.
            return architecture.Make(Weights(architecture, given, on, states, kinks && architecture.Rule is DiagonalRule ? 0 : 1), on.Link);
        }
        // A projection would move kinks off their rows, and the function of the network given: what new states read of others is made less until the rule holds.
        var seed = on.Random.Next();
        for (var coupling = 1.0; ; coupling /= 2)
        {
            var network = architecture.Make(Weights(architecture, given, on with { Random = new Random(seed) }, states, coupling), on.Link);
            if (coupling < LeastCoupling || architecture.Keeps(network))
            {
                return network;
            }
        }
    }

    private static DeqWeights Weights(DeqArchitecture architecture, DeqNetwork? given, StartInputs on, StartColumns? states, double coupling)
    {
        var (d, how) = (architecture.StateSize, architecture.Initialization);
        var encoder = how.ReadsRows ? Encoder() : null;
        var rows = how.ReadsRows ? OnRows() : Random();
        var fromStates = given is null
            ? InitialWeights.Normal(on.Random, on.Outputs, d, 1 / Math.Sqrt(d))
            : how is CascadeInitialization ? InitialWeights.Normal(on.Random, on.Outputs, d, CascadeUnits.ReadoutDeviation) : new float[on.Outputs * d];
        var isNormalized = architecture.Cell == DeqCell.LayerNormalized;
        var fresh = new DeqWeights(rows.W, rows.U, rows.B, fromStates, new float[on.Outputs])
        {
            Encoder = encoder ?? Encoder(),
            S = architecture.SkipConnection ? new float[on.Outputs * on.Features] : null,
            Gain = isNormalized ? [.. Enumerable.Repeat(1f, d)] : null,
            Shift = isNormalized ? new float[d] : null,
        };
        return given is null ? fresh : given.Weights with
        {
            W = Blocks.Around(fresh.W, d, given.W.Span, given.StateSize),
            U = Blocks.Around(fresh.U, fresh.U.Length / d, given.U.Span, fresh.U.Length / d),
            B = Blocks.Around(fresh.B, d, given.B.Span, given.StateSize, keepRight: true),
            V = Blocks.Around(fresh.V, d, given.V.Span, given.StateSize, keepRight: true),
        };

        IReadOnlyList<DenseLayer> Encoder() => given?.Encoder ?? EncoderOf(architecture, on);

        CellRows Random()
        {
            var w = InitialWeights.OfCell(architecture, on.Random);
            var inputs = architecture.EncoderSizes.Count > 0 ? architecture.EncoderSizes[^1] : on.Features;
            var u = InitialWeights.Normal(on.Random, d, inputs, 1 / Math.Sqrt(inputs), Constants());
            // Those of the states given are overwritten.
            return new CellRows([.. w.Select(value => (float)(coupling * value))], u, InitialWeights.Normal(on.Random, d, 1, 0.5));
        }

        CellRows OnRows()
        {
            var encoded = on.NeededRows.Through(encoder!, architecture.Activation);
            var made = new CellRows(d, encoded.Count);
            switch (how)
            {
                case LogTimescalesInitialization scales:
                    TimescaleStates.Fill(made, encoded, scales, on.Random, Constants());
                    break;
                case CascadeInitialization cascade when given is not null:
                    CascadeUnits.Add(made, encoded, states!, given, cascade, coupling, on.Random, Constants());
                    break;
                default:
                    KinkUnits.Add(made, encoded, states ?? encoded.None(), architecture.Activation, how.Kinks!.Value, coupling, on.Random, Constants());
                    break;
            }
            return made;
        }

        bool[]? Constants() => architecture.EncoderSizes.Count > 0 ? null : on.ConstantFeatures;
    }

    private static List<DenseLayer> EncoderOf(DeqArchitecture architecture, StartInputs on)
    {
        var encoder = new List<DenseLayer>();
        foreach (var size in architecture.EncoderSizes)
        {
            var inputs = encoder.Count > 0 ? encoder[^1].OutputSize : on.Features;
            encoder.Add(new DenseLayer(InitialWeights.Normal(on.Random, size, inputs, architecture.SignalGain / Math.Sqrt(inputs), encoder.Count > 0 ? null : on.ConstantFeatures), new float[size]));
        }
        return encoder;
    }

    /// <summary>The equilibria of rows, of a row whose equilibrium is not found what came nearest.</summary>
    private static StartColumns States(DeqNetwork network, StartColumns rows)
    {
        var reference = new DeqReference(network);
        return rows.Select(network.StateSize, x =>
        {
            var z = new double[network.StateSize];
            reference.EvaluateAffine(x, z);
            return z;
        });
    }
}
