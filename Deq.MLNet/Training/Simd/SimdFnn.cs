using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd;

/// <summary>A feed-forward network in the memory of the process, with dropout after every hidden layer.</summary>
internal sealed class SimdFnn : SimdModel
{
    private readonly FnnArchitecture _architecture;
    private readonly FnnNetwork _network;
    private readonly VectorForm _form;
    private readonly SimdDropout _dropout;
    private readonly SimdLayers _hidden;
    private readonly AffineLayer _last;
    private readonly Dictionary<SimdBatch, IReadOnlyList<GradientProduct>> _products = [];
    private SimdBatch _batch = null!;

    public SimdFnn(FnnArchitecture architecture, FnnNetwork network, int seed, VectorForm form)
    {
        (_architecture, _network, _form) = (architecture, network, form);
        Parameters = new SimdParameters([.. network.Layers.SelectMany((l, i) => new (string, long[])[] { (WeightsOf(i), [l.OutputSize, l.InputSize]), (BiasOf(i), [l.OutputSize]) })]);
        foreach (var (i, layer) in network.Layers.Index())
        {
            layer.Weights.Span.CopyTo(Parameters[WeightsOf(i)].ValueSpan);
            layer.Bias.Span.CopyTo(Parameters[BiasOf(i)].ValueSpan);
        }
        (SimdParameter, SimdParameter)[] layers = [.. network.Layers.Select((_, i) => (Parameters[WeightsOf(i)], Parameters[BiasOf(i)]))];
        _dropout = new SimdDropout(architecture.Dropout, seed);
        _hidden = new SimdLayers(layers[..^1], architecture.Activation, _dropout, form);
        _last = new AffineLayer(layers[^1].Item1, layers[^1].Item2, BatchKernels.Create(form, Activation.Identity));
    }

    public override SimdParameters Parameters { get; }

    public override int BlockRows => 64;

    public override IReadOnlyList<GradientProduct> Products => _products[_batch];

    public override void BeginEpoch(int epoch) => _dropout.BeginEpoch(epoch);

    public override void Prepare(SimdBatch batch, bool training)
    {
        _batch = batch;
        if (training)
        {
            _dropout.BeginBatch(batch.Rows);
        }
        _hidden.Prepare(batch.X, training);
        _last.Prepare(back: training);
        if (training && !_products.ContainsKey(batch))
        {
            _products[batch] = [.. _hidden.Products, _last.Product(batch.OutputGradient, _hidden.Outputs, _form)];
        }
    }

    public override void Forward(RowBlock rows)
    {
        _hidden.Forward(rows);
        _last.Apply(_hidden.Outputs, _batch.Outputs, rows);
    }

    public override void Backward(RowBlock rows)
    {
        if (_network.Layers.Count > 1)
        {
            _last.Back(_batch.OutputGradient, _hidden.OutputGradient, rows);
            _hidden.Backward(rows);
        }
    }

    public override Network ToNetwork()
    {
        float[] Read(string name) => Parameters[name].ValueSpan.ToArray();
        return new FnnNetwork([.. _network.Layers.Select((_, i) => new DenseLayer(Read(WeightsOf(i)), Read(BiasOf(i))))], _architecture.Activation, _network.Link);
    }

    private static string WeightsOf(int layer) => $"{layer}.W";

    private static string BiasOf(int layer) => $"{layer}.b";
}
