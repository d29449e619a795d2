using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;
using Deq.MLNet.Training.Simd.Projections;
using Deq.MLNet.Training.Simd.Solvers;

namespace Deq.MLNet.Training.Simd;

/// <summary>
/// The deep equilibrium network in the memory of the process: the solve, the read-out, and the gradients of all weights from what a gradient rule makes of the gradient by the state.
/// Dropout is variational, as TorchEngine's: a row has one mask for its whole solve.
/// </summary>
internal sealed class SimdDeq : SimdModel
{
    private readonly DeqArchitecture _architecture;
    private readonly Link _link;
    private readonly DeqShape _shape;
    private readonly VectorForm _form;
    private readonly BatchKernels _kernels;
    private readonly BlockSolver _solver, _scoring;
    private readonly SimdGradient _gradient;
    private readonly SimdParameter _w;
    private readonly SimdLayers _encoder;
    private readonly AffineLayer _u, _v;
    private readonly AffineLayer? _s;
    private readonly SimdDropout _dropout;
    private readonly FrozenWeights? _frozen;
    private readonly SimdProjection? _projection;

    /// <summary>W as right factor: W' on the way forth, W on the way back.</summary>
    private readonly Panels _forth, _back;
    private readonly SolveCounts _counts = new();
    private readonly Dictionary<SimdBatch, DeqRoom> _rooms = [];
    private DeqRoom _room = null!;
    private KeptRows? _states;
    private bool _training;

    public SimdDeq(DeqArchitecture architecture, DeqNetwork network, int seed, VectorForm form)
    {
        (_architecture, _link, _shape, _form) = (architecture, network.Link, network.Weights.Shape, form);
        _kernels = BatchKernels.Create(form, architecture.Activation);
        Parameters = new SimdParameters([.. _shape.Arrays]);
        foreach (var (name, values) in network.Weights.Arrays)
        {
            values.Span.CopyTo(Parameters[name].ValueSpan);
        }
        var d = _shape.States;
        _w = Parameters["W"];
        _encoder = new SimdLayers([.. network.Encoder.Select((_, i) => (Parameters[DeqShape.EncoderWeights(i)], Parameters[DeqShape.EncoderBias(i)]))], architecture.Activation, null, form);
        (_u, _v) = (new AffineLayer(Parameters["U"], Parameters["b"], _kernels), new AffineLayer(Parameters["V"], Parameters["c"], _kernels));
        _s = Parameters.Find("S") is { } skip ? new AffineLayer(skip, null, _kernels) : null;
        (_forth, _back) = (new Panels(d, d), new Panels(d, d));
        _dropout = new SimdDropout(architecture.Dropout, seed);
        _solver = new BlockSolver(architecture.Solver, architecture.Tolerance, architecture.MaxIterations, d);
        _scoring = new BlockSolver(architecture.Solver, architecture.Scoring.Tolerance, architecture.Scoring.MaxIterations, d);
        _gradient = SimdGradient.Create(architecture, d);
        _projection = SimdProjection.Create(architecture);
        // A W that obeys its rule starts as it is: the projection goes by a bound that may lie a little above the norm.
        if (!architecture.Keeps(network))
        {
            Project();
            Enforce();
        }
        _frozen = architecture.Cell == DeqCell.DiagonalLinear ? new FrozenWeights(Parameters, [_w, Parameters["U"]]) : null;
    }

    public override SimdParameters Parameters { get; }

    public override int BlockRows => _shape.States <= 128 ? 32 : 64;

    public override IReadOnlyList<GradientProduct> Products => _room.Products;

    public override float[]? States => _states?.Values;

    public override void Attach(int rows) => _states = _architecture.WarmStart ? new KeptRows(rows, _shape.States) : null;

    public override void BeginEpoch(int epoch)
    {
        _dropout.BeginEpoch(epoch);
        _projection?.BeginEpoch();
    }

    public override unsafe void Prepare(SimdBatch batch, bool training)
    {
        _training = training;
        _encoder.Prepare(batch.X, training);
        if (!_rooms.TryGetValue(batch, out _room!))
        {
            _rooms[batch] = _room = new DeqRoom(batch, _shape, BlockRows, _dropout.Active);
            _room.Products = ProductsOf(_room);
        }
        _forth.PackTransposed(_w.Values, _w.Columns);
        _u.Prepare(back: training && _shape.EncoderSizes.Count > 0);
        _v.Prepare(back: training);
        _s?.Prepare(back: false);
        if (training)
        {
            _back.Pack(_w.Values, _w.Columns);
            _dropout.BeginBatch(batch.Rows);
        }
    }

    public override void Forward(RowBlock rows)
    {
        var (room, batch) = (_room, _room.Batch);
        _encoder.Forward(rows);
        _u.Apply(_encoder.Outputs, room.Injection, rows);
        if (_architecture.Activation == Activation.Softplus)
        {
            // The one phi that is not zero at zero: padding must stay so, or it would count in norms.
            room.Injection.FillPadding(float.MinValue, rows.First, rows.Padded);
        }
        var mask = _training && _dropout.Active ? room.Mask : null;
        if (mask is not null)
        {
            _dropout.Draw(0, mask, rows);
        }
        var states = _training ? _states : null;
        states?.Read(batch.Indices, room.Z, rows);
        room.Forward[rows.First / BlockRows] = _kernels.SolveCell(_training ? _solver : _scoring, _forth, room.Injection, mask, room.Z, room.F, rows, states is null);
        states?.Keep(batch.Indices, room.Z, rows);
        _v.Apply(room.Z, batch.Outputs, rows);
        if (_s is not null)
        {
            _s.Apply(batch.X, room.Skipped, rows);
            BatchKernels.Add(batch.Outputs, room.Skipped, batch.Outputs, rows);
        }
    }

    public override void Backward(RowBlock rows)
    {
        var room = _room;
        _v.Back(room.Batch.OutputGradient, room.StateGradient, rows);
        WriteSlope(room, rows);
        room.Backward[rows.First / BlockRows] = _gradient.Backward(_kernels, _back, room, rows);
        if (_shape.EncoderSizes.Count > 0)
        {
            _u.Back(room.M, _encoder.OutputGradient, rows);
            _encoder.Backward(rows);
        }
    }

    public override void Collect()
    {
        _counts.Forward(Sum(_room.Forward));
        _counts.Backward(Sum(_room.Backward));
    }

    public override void RestrictGradients()
    {
        _frozen?.MaskGradients();
        _projection?.Restrict(_w);
    }

    public override void Project()
    {
        _frozen?.Restore();
        _projection?.Project(_w);
    }

    public override void Enforce() => _projection?.Enforce(_w);

    public override SolveFigures ReadFigures() => _counts.Read(_projection?.Bound * _architecture.Activation.Lipschitz() ?? double.NaN);

    public override Network ToNetwork() =>
        _architecture.Make(DeqWeights.Of(_shape, _shape.Arrays.ToDictionary(a => a.Name, a => Parameters[a.Name].ValueSpan.ToArray())), _link);

    /// <summary>The slopes of the cell at the states.</summary>
    private void WriteSlope(DeqRoom room, RowBlock rows)
    {
        if (!_dropout.Active && !_kernels.SlopeNeedsArgument)
        {
            _kernels.Slope(room.F, room.F, room.Slope, rows);
            return;
        }
        // What the value does not tell, the sums do.
        _kernels.Product(room.Z, _forth, room.M, rows);
        BatchKernels.Add(room.M, room.Injection, room.M, rows);
        _kernels.Activate(room.M, room.Next, rows);
        _kernels.Slope(room.Next, room.M, room.Slope, rows);
        if (_dropout.Active)
        {
            BatchKernels.Multiply(room.Slope, room.Mask, room.Slope, rows);
        }
    }

    private static BatchSolution Sum(BlockSolution[] blocks)
    {
        var total = default(BlockSolution);
        foreach (var block in blocks)
        {
            total += block;
        }
        return new BatchSolution(total.Iterations, total.WorstResidual, Unsolved: total.Unsolved, RowIterations: total.RowIterations);
    }

    private IReadOnlyList<GradientProduct> ProductsOf(DeqRoom room)
    {
        var (batch, form) = (room.Batch, _form);
        List<GradientProduct> products = [new(room.M, room.Z, _w, null, form), _u.Product(room.M, _encoder.Outputs, form), _v.Product(batch.OutputGradient, room.Z, form)];
        if (_s is not null)
        {
            products.Add(_s.Product(batch.OutputGradient, batch.X, form));
        }
        return [.. products, .. _encoder.Products];
    }
}
