namespace Deq.MLNet.Samples.Lab;

/// <summary>The features of a network with one output: what each of its last units adds to the output, v_i times the state or the unit of the last hidden layer. In what units a state is measured does not matter to it.</summary>
internal static class LearntFeatures
{
    /// <summary>The features of one row; NaN of a training that diverged.</summary>
    public static double[] Of(Network? network, float[] x)
    {
        if (network is null)
            return [.. x.Select(_ => double.NaN)];
        var (units, weights) = network switch
        {
            DeqNetwork deq => (States(deq, x), deq.V),
            FnnNetwork fnn => (LastUnits(fnn, x), fnn.Layers[^1].Weights),
            _ => throw new NotSupportedException($"{network}"),
        };
        return [.. units.Select((unit, i) => unit * weights.Span[i])];
    }

    /// <summary>Their root mean squares over rows.</summary>
    public static double[] Sizes(Network? network, float[][] x)
    {
        var features = x.Select(row => Of(network, row)).ToList();
        return [.. features[0].Select((_, i) => Math.Sqrt(features.Average(row => row[i] * row[i])))];
    }

    private static double[] States(DeqNetwork network, float[] x)
    {
        var z = new float[network.StateSize];
        network.Solve(x, new float[network.ScratchSize], z);
        return [.. z];
    }

    private static double[] LastUnits(FnnNetwork network, float[] x)
    {
        double[] units = [.. x];
        foreach (var layer in network.Layers.SkipLast(1))
            units = [.. layer.Bias.ToArray().Select((bias, i) => Math.Max(0, bias + LinearModels.Dot(units, layer.Weights.Span.Slice(i * units.Length, units.Length))))];
        return units;
    }
}
