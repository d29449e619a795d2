using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Layers as tensors, phi and dropout after each, with backpropagation written out: the hidden layers of a feed-forward network, and the encoder before a cell.</summary>
/// <param name="layers">Weights (outputs x inputs) and bias of each, first to last.</param>
/// <param name="activation">phi.</param>
/// <param name="dropout">Leaves out units in training; null for none.</param>
internal sealed class TensorLayers(IReadOnlyList<(Parameter Weights, Parameter Bias)> layers, Activation activation, Dropout? dropout)
{
    private readonly Tensor[] _inputs = new Tensor[layers.Count];
    private readonly Tensor?[] _masks = new Tensor?[layers.Count];
    private readonly Tensor[] _outputs = new Tensor[layers.Count];
    private readonly Tensor?[] _preactivations = new Tensor?[layers.Count];

    public int Count => layers.Count;

    /// <summary>What the last layer gives (B x its size); the rows themselves where there is no layer.</summary>
    public Tensor Forward(Tensor x, bool training)
    {
        for (var i = 0; i < layers.Count; i++)
        {
            _inputs[i] = x;
            x = Affine(layers[i], x);
            _preactivations[i] = training && TensorModel.NeedsPreactivations(activation) ? x.clone() : null;
            TensorModel.Activate(activation, x);
            _masks[i] = training ? dropout?.Mask(x) : null;
            x = _masks[i] is { } mask ? x * mask : x;
            _outputs[i] = x;
        }
        return x;
    }

    /// <summary>Writes the gradients of all layers for the rows last given to <see cref="Forward"/>.</summary>
    /// <param name="gradient">By what the last layer gave; overwritten.</param>
    public void Backward(Tensor gradient)
    {
        for (var i = layers.Count - 1; i >= 0; i--)
        {
            var slope = empty_like(gradient);
            TensorModel.Slope(activation, _outputs[i], _preactivations[i], _masks[i], dropout, slope);
            WriteGradients(layers[i], _inputs[i], gradient.mul_(slope));
            gradient = i > 0 ? gradient.mm(layers[i].Weights.Value) : gradient;
        }
    }

    /// <summary>x W' + b.</summary>
    public static Tensor Affine((Parameter Weights, Parameter Bias) layer, Tensor x) => addmm(layer.Bias.Value, x, layer.Weights.Value.t(), 1, 1);

    /// <summary>Writes the gradients of one layer from its inputs and the gradient by its outputs.</summary>
    public static void WriteGradients((Parameter Weights, Parameter Bias) layer, Tensor inputs, Tensor gradient)
    {
        layer.Weights.Gradient.addmm_(gradient.t(), inputs, 0, 1);
        layer.Bias.Gradient.copy_(gradient.sum(0L));
    }
}
