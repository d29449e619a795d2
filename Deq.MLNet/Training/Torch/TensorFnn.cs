using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>A feed-forward network as tensors, with dropout after every hidden layer.</summary>
internal sealed class TensorFnn : TensorModel
{
    private readonly FnnArchitecture _architecture;
    private readonly Link _link;
    private readonly TensorLayers _hidden;
    private readonly (Parameter Weights, Parameter Bias) _last;
    private readonly int _layers;
    private readonly IStepProbe? _probe;
    private Tensor _x = null!;

    public TensorFnn(FnnArchitecture architecture, FnnNetwork network, int seed, TensorPlace place) : base(new Dropout(architecture.Dropout, seed, place.Device))
    {
        _architecture = architecture;
        _link = network.Link;
        _probe = place.Probe;
        _layers = network.Layers.Count;
        Parameters = new ParameterBuffer(place.Device, place.Type,
            [.. network.Layers.SelectMany((l, i) => new (string, long[])[] { (WeightsOf(i), [l.OutputSize, l.InputSize]), (BiasOf(i), [l.OutputSize]) })]);
        foreach (var (i, layer) in network.Layers.Index())
        {
            Parameters.Load(WeightsOf(i), layer.Weights);
            Parameters.Load(BiasOf(i), layer.Bias);
        }
        (Parameter, Parameter)[] layers = [.. Enumerable.Range(0, _layers).Select(i => (Parameters[WeightsOf(i)], Parameters[BiasOf(i)]))];
        _hidden = new TensorLayers(layers[..^1], architecture.Activation, Dropout);
        _last = layers[^1];
    }

    public override ParameterBuffer Parameters { get; }

    public override Tensor Forward(Tensor x, Tensor? rows) => TensorLayers.Affine(_last, _x = _hidden.Forward(x, rows is not null));

    public override void Backward(Tensor outputGradient, BatchLoss loss)
    {
        _probe?.Ended(StepPhase.ReadOut);
        TensorLayers.WriteGradients(_last, _x, outputGradient);
        if (_hidden.Count > 0)
        {
            _hidden.Backward(outputGradient.mm(_last.Weights.Value));
        }
        _probe?.Ended(StepPhase.Gradients);
    }

    public override Network ToNetwork() =>
        new FnnNetwork([.. Enumerable.Range(0, _layers).Select(i => new DenseLayer(Parameters.Read(WeightsOf(i)), Parameters.Read(BiasOf(i))))], _architecture.Activation, _link);

    private static string WeightsOf(int layer) => $"{layer}.W";

    private static string BiasOf(int layer) => $"{layer}.b";
}
