using Deq.MLNet.Networks;
using Deq.MLNet.Training.Direct.Cells;
using Deq.MLNet.Training.Direct.Projections;

namespace Deq.MLNet.Training.Direct;

/// <summary>A deep equilibrium network.</summary>
internal sealed class DirectDeq : DirectModel
{
    private readonly DeqArchitecture _architecture;
    private readonly Link _link;
    private readonly DeqShape _shape;
    private readonly IReadOnlyList<int> _frozenUnits;
    private readonly Dictionary<string, WeightArray> _arrays = [];
    private readonly DirectLayer[] _encoder;
    private readonly DirectLayers _encoding;
    private readonly DirectLayer _injection, _readout;
    private readonly DirectLayer? _skip;
    private readonly DirectCell _cell;
    private readonly RuleProjection _rule;
    private readonly WeightLimit _limit;

    public DirectDeq(DeqArchitecture architecture, DeqNetwork network, TrainingSettings settings) : base(network.Weights.Arrays.Sum(a => a.Values.Length))
    {
        (_architecture, _link, _shape, _frozenUnits, Outputs) = (architecture, network.Link, network.Weights.Shape, settings.FrozenUnits, network.OutputSize);
        var offset = 0;
        foreach (var (name, sizes) in _shape.Arrays)
        {
            _arrays[name] = new WeightArray(offset, sizes.Length > 1 ? (int)sizes[0] : 1, (int)sizes[^1]);
            offset = _arrays[name].End;
        }
        foreach (var (name, values) in network.Weights.Arrays)
        {
            Write(_arrays[name], values.Span);
        }
        var (d, input, next) = (_shape.States, X, X + _shape.Inputs);
        _encoder = new DirectLayer[_shape.EncoderSizes.Count];
        for (var i = 0; i < _encoder.Length; i++)
        {
            var size = _shape.EncoderSizes[i];
            _encoder[i] = new DirectLayer(_arrays[DeqShape.EncoderWeights(i)], _arrays[DeqShape.EncoderBias(i)], input, next, next + size);
            (input, next) = (next, next + 2 * size);
        }
        _encoding = new DirectLayers(_encoder, architecture.Activation);
        var (z, m) = (next, next + d);
        (Y, G, SignalCount) = (m + d, m + d + Outputs, m + d + 2 * Outputs);
        _injection = new DirectLayer(_arrays["U"], _arrays["b"], input, z, m);
        _readout = new DirectLayer(_arrays["V"], _arrays["c"], z, Y, G);
        _skip = _arrays.TryGetValue("S", out var s) ? new DirectLayer(s, null, X, Y, G) : null;
        var w = _arrays["W"];
        foreach (var layer in (DirectLayer?[])[new DirectLayer(w, null, z, z, m), _injection, _readout, _skip, .. _encoder])
        {
            layer?.Tell(Factors);
        }
        _cell = architecture.Rule is StrictlyTriangularRule
            ? new SubstitutionCell(w, architecture.Activation, z, m, _readout)
            : new NewtonCell(w, architecture.Activation, z, m, _readout);
        _rule = new RuleProjection(architecture, d);
        _limit = new WeightLimit(settings.MaxWeightNorm, BoundedRows.Of(network));
        FixZeros();
        // A W that obeys its rule starts as it is.
        if (architecture.Keeps(network))
        {
            _limit.Apply(Weights, IsFree);
        }
        else
        {
            Project();
        }
    }

    public override double ContractionBound() => _rule.Norm(_arrays["W"].Of(Weights)) * _architecture.Activation.Lipschitz();

    public override void Forward(Signals signals, Block block)
    {
        _encoding.Forward(Weights, signals, block);
        _injection.Apply(Weights, signals, block);
        block.Forward = _cell.Solve(Weights, signals, block);
        _readout.Apply(Weights, signals, block);
        _skip?.Apply(Weights, signals, block, adds: true);
    }

    public override void Backward(Signals signals, Block block)
    {
        block.Backward = _cell.Adjoint(Weights, signals, block);
        _encoding.Backward(_injection, Weights, signals, block);
    }

    public override void Project()
    {
        var w = _arrays["W"];
        _rule.Project(w.Of(Weights), IsFree.AsSpan(w.Offset, w.Length));
        _limit.Apply(Weights, IsFree);
    }

    public override void Freeze(bool frozen)
    {
        foreach (var (i, units) in _frozenUnits.Index())
        {
            var isCell = i == _encoder.Length;
            SetFree(!frozen, units, isCell ? [_arrays["W"], _arrays["U"]] : [_encoder[i].A]);
            SetFree(!frozen, 1, (isCell ? _arrays["b"] : _encoder[i].B!.Value) with { Columns = units });
        }
        FixZeros();
    }

    public override Network ToNetwork() => _architecture.Make(DeqWeights.Of(_shape, _arrays.ToDictionary(a => a.Key, a => ReadFloats(a.Value))), _link);

    /// <summary>What a rule or the form of the cell has as it is does not move.</summary>
    private void FixZeros()
    {
        var d = _shape.States;
        var isDiagonal = _architecture.Cell == DeqCell.DiagonalLinear;
        if (isDiagonal)
        {
            SetFree(false, _readout.A.Rows, _readout.A);
            SetFree(false, 1, _injection.B!.Value, _readout.B!.Value);
        }
        for (var i = 0; i < d * d; i++)
        {
            var offDiagonal = isDiagonal && i / d != i % d;
            IsFree[_arrays["W"].Offset + i] &= !offDiagonal && !_rule.IsZero(i / d, i % d);
            if (isDiagonal)
            {
                IsFree[_injection.A.Offset + i] &= !offDiagonal;
            }
        }
    }
}
