namespace Deq.MLNet.Training.Initial;

/// <summary>Makes the feed-forward network that a training starts from: a random one, or one that is given with units and layers added.</summary>
internal static class FnnStart
{
    /// <summary>Makes a network.</summary>
    /// <param name="architecture">Sizes and initialization.</param>
    /// <param name="given">The network to grow, in standard units and not larger than the architecture; null for none.</param>
    /// <param name="on">What weights are drawn for and from.</param>
    public static FnnNetwork Make(FnnArchitecture architecture, FnnNetwork? given, StartInputs on)
    {
        var (how, random) = (architecture.Initialization, on.Random);
        var old = given?.Layers.SkipLast(1).ToArray() ?? [];
        var readout = given?.Layers[^1];
        var signals = on.Rows;
        var layers = new List<DenseLayer>();
        foreach (var (i, size) in architecture.HiddenSizes.Index())
        {
            var layer = i >= old.Length && readout is not null && how is CascadeInitialization cascade
                ? CascadeUnits.Layer(size, signals!, readout, cascade, random)
                : Hidden(size);
            layers.Add(i < old.Length ? Blocks.Around(layer, old[i]) : layer);
            signals = signals?.Through([layers[^1]], architecture.Activation);
            // What reads the last of the old layers goes on to read it; a new layer behind it is read anew.
            readout = given is null ? null : i == old.Length - 1 ? Blocks.Around(Readout(size, joins: true), given.Layers[^1], keepRight: true) : i >= old.Length ? Readout(size, joins: false) : readout;
        }
        layers.Add(readout ?? Readout(layers.Count > 0 ? layers[^1].OutputSize : on.Features, joins: false));
        return new FnnNetwork(layers, architecture.Activation, on.Link);

        DenseLayer Hidden(int size)
        {
            var (inputs, constants) = layers.Count > 0 ? (layers[^1].OutputSize, null) : (on.Features, on.ConstantFeatures);
            return how.Kinks is { } spread
                ? KinkUnits.Layer(size, signals ?? on.NeededRows, spread, random, constants)
                : new DenseLayer(InitialWeights.OfLayer(how, random, size, inputs, architecture.SignalGain, constants), new float[size]);
        }

        // As for a linear one. Units that join others are first read with zero weight, so that the function stands, but for a cascade.
        DenseLayer Readout(int inputs, bool joins) => new((given, how) switch
        {
            ({ }, CascadeInitialization) => InitialWeights.Normal(random, on.Outputs, inputs, CascadeUnits.ReadoutDeviation),
            _ when joins => new float[on.Outputs * inputs],
            _ => InitialWeights.OfLayer(how, random, on.Outputs, inputs, 1, layers.Count == 0 ? on.ConstantFeatures : null),
        }, new float[on.Outputs]);
    }
}
