namespace Deq.MLNet.Training.Initial;

/// <summary>Units that read an output of a network: gain (y - threshold).</summary>
internal static class CascadeUnits
{
    /// <summary>By this share of the output's range the least threshold lies below the output: some units then pass it on as it is.</summary>
    private const double Below = 0.1;

    /// <summary>The deviation of the weights by which a read-out, in standard units, reads units that are added.</summary>
    public const double ReadoutDeviation = 0.5;

    /// <summary>A layer of such units.</summary>
    /// <param name="outputs">Units.</param>
    /// <param name="inputs">What the read-out reads.</param>
    /// <param name="readout">Gives the outputs; a unit reads one of them at random.</param>
    /// <param name="how">Gains and noise.</param>
    /// <param name="random">What they are drawn from.</param>
    public static DenseLayer Layer(int outputs, StartColumns inputs, DenseLayer readout, CascadeInitialization how, Random random)
    {
        var y = inputs.Through(readout);
        var (weights, bias) = (new float[outputs * inputs.Count], new float[outputs]);
        for (var unit = 0; unit < outputs; unit++)
        {
            var k = random.Next(readout.OutputSize);
            var gain = (random.Next(2) == 0 ? -1 : 1) * Uniform(random, how.MinGain, how.MaxGain);
            var (least, largest) = y.RangeOf(k);
            var threshold = Uniform(random, least - Below * (largest - least), largest);
            var noise = InitialWeights.Normal(random, 1, inputs.Count, how.Noise);
            for (var i = 0; i < inputs.Count; i++)
            {
                weights[unit * inputs.Count + i] = (float)(gain * readout.Weights.Span[k * inputs.Count + i] * (1 + noise[i]));
            }
            bias[unit] = (float)(gain * (readout.Bias.Span[k] - threshold));
        }
        return new DenseLayer(weights, bias);
    }

    /// <summary>States of a cell that read its output, by V and, without an encoder, by S; and the features by the share that is noise.</summary>
    /// <param name="rows">Receives them, behind those that there are.</param>
    /// <param name="encoded">What U acts on.</param>
    /// <param name="states">The states that there are.</param>
    /// <param name="network">What they are states of.</param>
    /// <param name="how">Gains and noise.</param>
    /// <param name="coupling">A factor on all gains.</param>
    /// <param name="random">What they are drawn from.</param>
    /// <param name="zeroColumns">The features that are constant; null for none.</param>
    public static void Add(CellRows rows, StartColumns encoded, StartColumns states, DeqNetwork network, CascadeInitialization how, double coupling, Random random, bool[]? zeroColumns)
    {
        var (old, features, added) = (states.Count, encoded.Count, rows.States - states.Count);
        var skip = network.S.IsEmpty || network.Encoder.Count > 0 ? new float[network.OutputSize * features] : network.S;
        var v = Enumerable.Range(0, network.OutputSize).SelectMany(k => (float[])[.. network.V.Span.Slice(k * old, old), .. skip.Span.Slice(k * features, features)]);
        var units = Layer(added, states.With(encoded), new DenseLayer(v.ToArray(), network.C), how, random);
        var noise = InitialWeights.Normal(random, added, features, how.Noise / Math.Sqrt(features), zeroColumns);
        for (var unit = 0; unit < added; unit++)
        {
            var weights = units.Weights.Span.Slice(unit * (old + features), old + features);
            for (var i = 0; i < old; i++)
            {
                rows.RowOfW(old + unit)[i] = (float)(coupling * weights[i]);
            }
            for (var i = 0; i < features; i++)
            {
                rows.RowOfU(old + unit)[i] = (float)(coupling * (weights[old + i] + noise[unit * features + i]));
            }
            rows.B[old + unit] = (float)(coupling * units.Bias.Span[unit]);
        }
    }

    private static double Uniform(Random random, double least, double largest) => least + (largest - least) * random.NextDouble();
}
