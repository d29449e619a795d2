using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>A feed-forward network as tensors, with backpropagation written out and dropout after every hidden layer.</summary>
internal sealed class TensorFnn : TensorModel
{
    private readonly FnnArchitecture _architecture;
    private readonly Link _link;
    private readonly Tensor[] _inputs;
    private readonly Tensor?[] _masks;
    private readonly int _layers;

    public TensorFnn(FnnArchitecture architecture, FnnNetwork network, int seed, Device device, ScalarType type) : base(new Dropout(architecture.Dropout, seed, device))
    {
        _architecture = architecture;
        _link = network.Link;
        _layers = network.Layers.Count;
        _inputs = new Tensor[_layers];
        _masks = new Tensor?[_layers];
        Parameters = new ParameterBuffer(device, type,
            [.. network.Layers.SelectMany(l => new long[][] { [l.OutputSize, l.InputSize], [l.OutputSize] })]);
        Load(network.Layers);
    }

    public override ParameterBuffer Parameters { get; }

    public override Tensor Forward(Tensor x, Tensor? rows)
    {
        for (var layer = 0; layer < _layers; layer++)
        {
            _inputs[layer] = x;
            x = addmm(Parameters.Value(2 * layer + 1), x, Parameters.Value(2 * layer).t(), 1, 1);
            if (layer < _layers - 1)
            {
                Activate(_architecture.Activation, x);
                _masks[layer] = rows is null ? null : Dropout.Mask(x);
                if (_masks[layer] is { } mask)
                {
                    x = x * mask;
                }
            }
        }
        return x;
    }

    public override void Backward(Tensor outputGradient, BatchLoss loss)
    {
        var gradient = outputGradient;
        for (var layer = _layers - 1; layer >= 0; layer--)
        {
            Parameters.Gradient(2 * layer).addmm_(gradient.t(), _inputs[layer], 0, 1);
            Parameters.Gradient(2 * layer + 1).copy_(gradient.sum(0L));
            if (layer > 0)
            {
                gradient = gradient.mm(Parameters.Value(2 * layer));
                var slope = empty_like(gradient);
                Dropout.Slope(_architecture.Activation, _inputs[layer], _masks[layer - 1], slope);
                gradient.mul_(slope);
            }
        }
    }

    public override Network ToNetwork()
    {
        var layers = new DenseLayer[_layers];
        for (var i = 0; i < _layers; i++)
        {
            layers[i] = new DenseLayer(Parameters.Read(2 * i), Parameters.Read(2 * i + 1));
        }
        return new FnnNetwork(layers, _architecture.Activation, _link);
    }

    private void Load(IReadOnlyList<DenseLayer> layers)
    {
        for (var i = 0; i < _layers; i++)
        {
            Parameters.Load(2 * i, layers[i].Weights);
            Parameters.Load(2 * i + 1, layers[i].Bias);
        }
    }
}
