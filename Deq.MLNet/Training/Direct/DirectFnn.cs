using Deq.MLNet.Training.Direct.Projections;

namespace Deq.MLNet.Training.Direct;

/// <summary>A feed-forward network.</summary>
internal sealed class DirectFnn : DirectModel
{
    private readonly FnnArchitecture _architecture;
    private readonly Link _link;
    private readonly IReadOnlyList<int> _frozenUnits;
    private readonly DirectLayer[] _layers;
    private readonly DirectLayers _hidden;
    private readonly WeightLimit _limit;

    public DirectFnn(FnnArchitecture architecture, FnnNetwork network, TrainingSettings settings) : base(network.Layers.Sum(l => l.Weights.Length + l.Bias.Length))
    {
        (_architecture, _link, _frozenUnits, Outputs) = (architecture, network.Link, settings.FrozenUnits, network.OutputSize);
        _layers = new DirectLayer[network.Layers.Count];
        var (offset, input, next) = (0, X, X + network.InputSize);
        foreach (var (l, layer) in network.Layers.Index())
        {
            var a = new WeightArray(offset, layer.OutputSize, layer.InputSize);
            var b = new WeightArray(a.End, 1, layer.OutputSize);
            _layers[l] = new DirectLayer(a, b, input, next, next + layer.OutputSize);
            _layers[l].Tell(Factors);
            Write(a, layer.Weights.Span);
            Write(b, layer.Bias.Span);
            (offset, input, next) = (b.End, next, next + 2 * layer.OutputSize);
        }
        (SignalCount, Y, G) = (next, _layers[^1].Y, _layers[^1].G);
        _hidden = new DirectLayers(_layers[..^1], architecture.Activation);
        _limit = new WeightLimit(settings.MaxWeightNorm, BoundedRows.Of(network));
        Project();
    }

    public override void Forward(Signals signals, Block block)
    {
        _hidden.Forward(Weights, signals, block);
        _layers[^1].Apply(Weights, signals, block);
    }

    public override void Backward(Signals signals, Block block) => _hidden.Backward(_layers[^1], Weights, signals, block);

    public override void Project() => _limit.Apply(Weights, IsFree);

    public override void Freeze(bool frozen)
    {
        foreach (var (layer, units) in _layers.Zip(_frozenUnits))
        {
            SetFree(!frozen, units, layer.A);
            SetFree(!frozen, 1, layer.B!.Value with { Columns = units });
        }
    }

    public override Network ToNetwork() => new FnnNetwork([.. _layers.Select(l => new DenseLayer(ReadFloats(l.A), ReadFloats(l.B!.Value)))], _architecture.Activation, _link);
}
