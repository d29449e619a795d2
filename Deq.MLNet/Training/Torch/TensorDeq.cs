using Deq.MLNet.Networks;
using Deq.MLNet.Training.Torch.Gradients;
using Deq.MLNet.Training.Torch.Projections;
using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>
/// The deep equilibrium network as tensors: the solve, the read-out, and the gradients of all weights from what a gradient rule makes of the gradient by the state.
/// Dropout is variational (Gal and Ghahramani 2016; Bai et al. 2019): a row has one mask for its whole solve, z = mask * phi(W z + u), and mask * phi' is the slope.
/// </summary>
internal sealed class TensorDeq : TensorModel
{
    private readonly DeqArchitecture _architecture;
    private readonly IStepProbe? _probe;
    private readonly TensorSolver _solver;
    private readonly TensorGradient _gradient;
    private readonly JacobianRegularizer? _regularizer;
    private readonly IterateSample? _iterates;
    private readonly Projection? _projection;
    private readonly Link _link;
    private readonly DeqShape _shape;
    private readonly Parameter _w, _u, _b, _v, _c;
    private readonly Parameter? _s;
    private readonly TensorLayers _encoder;
    private readonly TensorLayerNorm? _norm;
    private readonly FrozenWeights? _frozen;
    private readonly SolveCounts _counts = new();
    private Workspace? _workspace;
    private Tensor _x = null!, _encoded = null!;
    private Tensor? _mask;
    private CellMap _map = null!;
    private KeptStates? _states;

    public TensorDeq(DeqArchitecture architecture, DeqNetwork network, TrainingSettings settings, TensorPlace place) : base(new Dropout(architecture.Dropout, settings.Seed, place.Device))
    {
        _architecture = architecture;
        _link = network.Link;
        _probe = place.Probe;
        // A start that was kept is near already.
        _solver = TensorSolver.Create(architecture.Solver, place, architecture.WarmStart ? MatmulPrecision.Float32 : settings.MatmulPrecision, architecture.HasDiagonal);
        _gradient = TensorGradient.Create(architecture, place, settings.MatmulPrecision);
        _regularizer = architecture.JacobianPenalty is { } penalty ? new JacobianRegularizer(penalty, architecture.Activation, settings.Seed, place.Device) : null;
        _iterates = architecture.FixedPointCorrection is { } correction ? new IterateSample(correction.Count) : null;
        _projection = Projection.Create(architecture);
        _shape = network.Weights.Shape;
        Parameters = new ParameterBuffer(place.Device, place.Type, [.. _shape.Arrays]);
        (_w, _u, _b, _v, _c, _s) = (Parameters["W"], Parameters["U"], Parameters["b"], Parameters["V"], Parameters["c"], Parameters.Find("S"));
        _norm = _shape.IsNormalized ? new TensorLayerNorm(Parameters["gain"], Parameters["shift"]) : null;
        _encoder = new TensorLayers([.. network.Encoder.Select((_, i) => (Parameters[DeqShape.EncoderWeights(i)], Parameters[DeqShape.EncoderBias(i)]))], architecture.Activation, null);
        Load(network);
        _frozen = architecture.Cell == DeqCell.DiagonalLinear ? new FrozenWeights(Parameters, [_w, _u]) : null;
    }

    public override ParameterBuffer Parameters { get; }

    public override KeptStates? States => _states;

    public override void Attach(int rows) => _states = _architecture.WarmStart ? new KeptStates(rows, _w.Value.shape[0], _w.Value.device, _w.Value.dtype) : null;

    public override void BeginEpoch(int epoch)
    {
        base.BeginEpoch(epoch);
        _solver.BeginEpoch();
        _gradient.BeginEpoch();
        _regularizer?.BeginEpoch(epoch);
        _projection?.BeginEpoch();
    }

    public override Tensor Forward(Tensor x, Tensor? rows)
    {
        _x = x;
        _encoded = _encoder.Forward(x, rows is not null);
        var work = _workspace = Workspace.For(x.shape[0], _w.Value, _workspace);
        work.Injection.copy_(_b.Value);
        work.Injection.addmm_(_encoded, _u.Value.t(), 1, 1);
        work.Z.zero_();
        _mask = rows is null ? null : Dropout.Mask(work.Z);
        _map = new CellMap(_w.Value, work.Injection, _architecture.Activation, _mask, _norm);
        if (rows is null)
        {
            var scoring = _architecture.Scoring;
            _solver.Solve(_map, work.Z, work.F, scoring.Tolerance, scoring.MaxIterations);
        }
        else
        {
            _states?.Read(rows, work.Z);
            _iterates?.Begin();
            var solution = _gradient.Forward(_solver, _map, work.Z, work.F, _architecture.Tolerance, _architecture.MaxIterations, _iterates is null ? null : _iterates.Observe);
            _states?.Keep(rows, work.Z);
            _counts.Forward(solution);
            _probe?.Ended(StepPhase.Solve);
        }
        return Outputs(work.Z);
    }

    public override void Backward(Tensor outputGradient, BatchLoss loss)
    {
        var work = _workspace!;
        Parameters.Gradients.zero_();
        work.Total.zero_();
        ReadOutGradient(outputGradient, work.Z, work.StateGradient);
        _probe?.Ended(StepPhase.ReadOut);
        CorrectIterates(loss);
        if (_regularizer is not null)
        {
            var a = empty_like(work.Z);
            _map.Affine(work.Z, a);
            _regularizer.Add(_w.Value, a, _map.Adjoint(work.Z, work.F, work.StateGradient).Slope(a), _mask, loss.Share, work.Z, _w.Gradient, work.StateGradient, Accumulate);
        }
        _probe?.Ended(StepPhase.Gradients);
        _counts.Backward(_gradient.Backward(new CellPass(work.Z, work.F, _map.Adjoint), work.StateGradient, Accumulate));
        _probe?.Ended(StepPhase.Adjoint);
        TensorLayers.WriteGradients((_u, _b), _encoded, work.Total);
        if (_encoder.Count > 0)
        {
            _encoder.Backward(work.Total.mm(_u.Value));
        }
        _probe?.Ended(StepPhase.Gradients);
    }

    private Tensor Outputs(Tensor z)
    {
        var y = addmm(_c.Value, z, _v.Value.t(), 1, 1);
        return _s is { } skip ? y.addmm_(_x, skip.Value.t(), 1, 1) : y;
    }

    /// <summary>Adds to the gradients of V, S and c, and writes that by the state.</summary>
    private void ReadOutGradient(Tensor outputGradient, Tensor z, Tensor stateGradient)
    {
        _v.Gradient.addmm_(outputGradient.t(), z, 1, 1);
        _c.Gradient.AddInPlace(outputGradient.sum(0L));
        _s?.Gradient.addmm_(outputGradient.t(), _x, 1, 1);
        stateGradient.copy_(outputGradient.mm(_v.Value));
    }

    /// <summary>Adds the gradients of the iterates' losses: each is one step of the cell from a state held fixed.</summary>
    private void CorrectIterates(BatchLoss loss)
    {
        if (_iterates?.Choose() is not { Count: > 0 } chosen)
        {
            return;
        }
        var weight = _architecture.FixedPointCorrection!.Weight / (double)chosen.Count;
        foreach (var (z, f) in chosen)
        {
            var stateGradient = empty_like(z);
            ReadOutGradient(loss.Of(Outputs(f)).Gradient.MultiplyInPlace(weight), f, stateGradient);
            Accumulate(_map.Adjoint(z, f, stateGradient).Pull(stateGradient), z);
        }
        _iterates.Clear();
    }

    /// <summary>Adds to the gradient of W, and to that by the sums, what the pre-activations at some states give.</summary>
    private void Accumulate(Tensor m, Tensor z)
    {
        _w.Gradient.addmm_(m.t(), z, 1, 1);
        _workspace!.Total.AddInPlace(m);
    }

    public override void RestrictGradients()
    {
        _frozen?.MaskGradients();
        _projection?.Restrict(_w.Gradient);
    }

    public override void Project()
    {
        _frozen?.Restore();
        _projection?.Apply(_w.Value);
    }

    public override void Enforce() => _projection?.Enforce(_w.Value);

    public override SolveFigures ReadFigures() => _counts.Read(_projection?.ReadBound() * _architecture.Activation.Lipschitz() ?? double.NaN);

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
            Enforce();
        }
    }

    public override void Dispose()
    {
        _solver.Dispose();
        _gradient.Dispose();
        _regularizer?.Dispose();
        _iterates?.Dispose();
        _states?.Dispose();
        _projection?.Dispose();
        _workspace?.Dispose();
        _frozen?.Dispose();
        base.Dispose();
    }

    /// <summary>The buffers of one batch size (B x d each), kept from step to step.</summary>
    private sealed class Workspace : IDisposable
    {
        public Tensor Injection, Z, F, StateGradient, Total;

        private Workspace(long rows, Tensor w)
        {
            Tensor New() => zeros(rows, w.shape[0], w.dtype, w.device).DetachFromDisposeScope();
            (Injection, Z, F, StateGradient, Total) = (New(), New(), New(), New(), New());
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
            foreach (var buffer in new[] { Injection, Z, F, StateGradient, Total })
            {
                buffer.Dispose();
            }
        }
    }
}
