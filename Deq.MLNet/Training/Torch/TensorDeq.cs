using Deq.MLNet.Networks;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>
/// The deep equilibrium network as tensors: the solve, the read-out, and the gradients of all weights from what a gradient rule makes of the gradient by the state.
/// Dropout is variational (Gal and Ghahramani 2016; Bai et al. 2019): a row has one mask for its whole solve, z = mask * phi(W z + u), and mask * phi' is the slope.
/// </summary>
internal sealed class TensorDeq : TensorModel
{
    private readonly DeqArchitecture _architecture;
    private readonly TensorSolver _solver;
    private readonly TensorGradient _gradient;
    private readonly SpectralProjection? _projection;
    private readonly Link _link;
    private readonly DeqShape _shape;
    private readonly Parameter _w, _u, _b, _v, _c;
    private readonly Parameter? _s;
    private readonly TensorLayers _encoder;
    private readonly TensorLayerNorm? _norm;
    private readonly FrozenWeights? _frozen;
    private Workspace? _workspace;
    private Tensor _x = null!, _encoded = null!;
    private Tensor? _mask;
    private CellMap _map = null!;

    private long _batches, _iterations;
    private int _worstIterations;
    private double _worstResidual, _worstGradientResidual;

    public TensorDeq(DeqArchitecture architecture, DeqNetwork network, int seed, Device device, ScalarType type) : base(new Dropout(architecture.Dropout, seed, device))
    {
        _architecture = architecture;
        _link = network.Link;
        _solver = TensorSolver.Create(architecture.Solver);
        _gradient = TensorGradient.Create(architecture);
        _projection = architecture.TrainingBound is { } bound ? new SpectralProjection(bound / architecture.Activation.Lipschitz()) : null;
        _shape = network.Weights.Shape;
        Parameters = new ParameterBuffer(device, type, [.. _shape.Arrays]);
        (_w, _u, _b, _v, _c, _s) = (Parameters["W"], Parameters["U"], Parameters["b"], Parameters["V"], Parameters["c"], Parameters.Find("S"));
        _norm = _shape.IsNormalized ? new TensorLayerNorm(Parameters["gain"], Parameters["shift"]) : null;
        _encoder = new TensorLayers([.. network.Encoder.Select((_, i) => (Parameters[DeqShape.EncoderWeights(i)], Parameters[DeqShape.EncoderBias(i)]))], architecture.Activation, null);
        Load(network);
        _frozen = architecture.Cell == DeqCell.DiagonalLinear ? new FrozenWeights(Parameters, [_w, _u]) : null;
    }

    public override ParameterBuffer Parameters { get; }

    public override Tensor Forward(Tensor x, bool training)
    {
        _x = x;
        _encoded = _encoder.Forward(x, training);
        var work = _workspace = Workspace.For(x.shape[0], _w.Value, _workspace);
        work.Injection.copy_(_b.Value);
        work.Injection.addmm_(_encoded, _u.Value.t(), 1, 1);
        work.Z.zero_();
        _mask = training ? Dropout.Mask(work.Z) : null;
        _map = new CellMap(_w.Value, work.Injection, _architecture.Activation, _mask, _norm);
        var solution = _solver.Solve(_map, ref work.Z, ref work.F, _architecture.Tolerance, _architecture.MaxIterations);
        if (training)
        {
            _batches++;
            _iterations += solution.Iterations;
            _worstIterations = Math.Max(_worstIterations, solution.Iterations);
            _worstResidual = Math.Max(_worstResidual, solution.WorstResidual);
        }
        var y = addmm(_c.Value, work.Z, _v.Value.t(), 1, 1);
        return _s is { } skip ? y.addmm_(x, skip.Value.t(), 1, 1) : y;
    }

    public override void Backward(Tensor outputGradient)
    {
        var work = _workspace!;
        Parameters.Gradients.zero_();
        _v.Gradient.addmm_(outputGradient.t(), work.Z, 0, 1);
        _c.Gradient.copy_(outputGradient.sum(0L));
        _s?.Gradient.addmm_(outputGradient.t(), _x, 0, 1);

        work.StateGradient.copy_(outputGradient.mm(_v.Value));
        work.Total.zero_();
        var solution = _gradient.Backward(Linearize(work.Z, work.F, work.Slope), work.StateGradient, (m, z) =>
        {
            _w.Gradient.addmm_(m.t(), z, 1, 1);
            work.Total.AddInPlace(m);
        });
        TensorLayers.WriteGradients((_u, _b), _encoded, work.Total);
        if (_encoder.Count > 0)
        {
            _encoder.Backward(work.Total.mm(_u.Value));
        }
        _frozen?.MaskGradients();
        _worstGradientResidual = Math.Max(_worstGradientResidual, solution.WorstResidual);
    }

    /// <summary>The cell's derivative at some states.</summary>
    /// <param name="z">The states, B x d.</param>
    /// <param name="f">The cell of them.</param>
    /// <param name="slope">Receives the slopes.</param>
    private CellPass Linearize(Tensor z, Tensor f, Tensor slope)
    {
        // Most activations tell their slope by their value; for others the sums are made again.
        var a = _norm is not null || NeedsPreactivations(_architecture.Activation) ? empty_like(z) : null;
        if (a is not null)
        {
            _map.Affine(z, a);
        }
        var normSlope = _norm?.SlopeAt(a!);
        if (NeedsPreactivations(_architecture.Activation))
        {
            _norm?.Apply(a!);
        }
        Slope(_architecture.Activation, f, a, _mask, Dropout, slope);
        return new CellPass(_w.Value, z, f, slope, normSlope);
    }

    public override void Project()
    {
        _frozen?.Restore();
        _projection?.Apply(_w.Value);
    }

    public override SolveFigures ReadFigures()
    {
        var figures = new SolveFigures(_batches == 0 ? 0 : (double)_iterations / _batches, _worstIterations, _worstResidual, _worstGradientResidual,
            _projection?.ReadBound() * _architecture.Activation.Lipschitz() ?? double.NaN);
        (_batches, _iterations, _worstIterations, _worstResidual, _worstGradientResidual) = (0, 0, 0, 0, 0);
        return figures;
    }

    public override Network ToNetwork() =>
        _architecture.Make(DeqWeights.Of(_shape, _shape.Arrays.ToDictionary(a => a.Name, a => Parameters.Read(a.Name))), _link);

    private void Load(DeqNetwork deq)
    {
        foreach (var (name, values) in deq.Weights.Arrays)
        {
            Parameters.Load(name, values);
        }
        // A W that obeys its rule starts as it is: the projection goes by a bound that may lie a little above the norm.
        if (!_architecture.Keeps(deq))
        {
            using var scope = NewDisposeScope();
            Project();
        }
    }

    public override void Dispose()
    {
        _solver.Dispose();
        _gradient.Dispose();
        _projection?.Dispose();
        _workspace?.Dispose();
        _frozen?.Dispose();
        base.Dispose();
    }

    /// <summary>The buffers of one batch size (B x d each), kept from step to step.</summary>
    private sealed class Workspace : IDisposable
    {
        public Tensor Injection, Z, F, StateGradient, Slope, Total;

        private Workspace(long rows, Tensor w)
        {
            Tensor New() => zeros(rows, w.shape[0], w.dtype, w.device).DetachFromDisposeScope();
            (Injection, Z, F, StateGradient, Slope, Total) = (New(), New(), New(), New(), New(), New());
        }

        public static Workspace For(long rows, Tensor w, Workspace? last)
        {
            if (last is not null && last.Z.shape[0] == rows)
            {
                return last;
            }
            last?.Dispose();
            return new Workspace(rows, w);
        }

        public void Dispose()
        {
            foreach (var buffer in new[] { Injection, Z, F, StateGradient, Slope, Total })
            {
                buffer.Dispose();
            }
        }
    }
}
