namespace Deq.MLNet.Training.Direct;

/// <summary>Hidden layers of either kind of network: phi after each.</summary>
internal sealed class DirectLayers(IReadOnlyList<DirectLayer> layers, Activation activation)
{
    public void Forward(double[] weights, Signals signals, Block block)
    {
        foreach (var layer in layers)
        {
            layer.Apply(weights, signals, block);
            layer.Activate(activation, signals, block);
        }
    }

    /// <summary>Goes back from the layer that reads the last of them.</summary>
    public void Backward(DirectLayer reader, double[] weights, Signals signals, Block block)
    {
        for (var i = layers.Count - 1; i >= 0; i--)
        {
            reader.Back(weights, signals, block, layers[i].G);
            reader = layers[i];
        }
    }
}
