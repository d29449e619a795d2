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
    private readonly TensorSolver _solver;
    private readonly TensorGradient _gradient;
    private readonly JacobianRegularizer? _regularizer;
    private readonly IterateSample? _iterates;
    private readonly Projection? _projection;
    private readonly Link _link;
    private readonly SolveCounts _counts = new();
    private Workspace? _workspace;
    private Tensor _x = null!;
    private Tensor? _mask;
    private CellMap _map = null!;
    private KeptStates? _states;

    public TensorDeq(DeqArchitecture architecture, DeqNetwork network, int seed, Device device, ScalarType type) : base(new Dropout(architecture.Dropout, seed, device))
    {
        _architecture = architecture;
        _link = network.Link;
        _solver = TensorSolver.Create(architecture.Solver);
        _gradient = TensorGradient.Create(architecture);
        _regularizer = architecture.JacobianPenalty is { } penalty ? new JacobianRegularizer(penalty, architecture.Activation, seed, device) : null;
        _iterates = architecture.FixedPointCorrection is { } correction ? new IterateSample(correction.Count) : null;
        _projection = Projection.Create(architecture);
        long d = network.StateSize, n = network.InputSize, k = network.OutputSize;
        Parameters = new ParameterBuffer(device, type, [d, d], [d, n], [d], [k, d], [k]);
        Load(network);
    }

    public override ParameterBuffer Parameters { get; }

    private Tensor W => Parameters.Value(0);
    private Tensor U => Parameters.Value(1);
    private Tensor B => Parameters.Value(2);
    private Tensor V => Parameters.Value(3);
    private Tensor C => Parameters.Value(4);

    public override KeptStates? States => _states;

    public override void Attach(int rows) =>
        _states = _architecture.WarmStart ? new KeptStates(rows, W.shape[0], W.device, W.dtype) : null;

    public override void BeginEpoch(int epoch)
    {
        base.BeginEpoch(epoch);
        _regularizer?.BeginEpoch(epoch);
    }

    public override Tensor Forward(Tensor x, Tensor? rows)
    {
        _x = x;
        var work = _workspace = Workspace.For(x.shape[0], W, _workspace);
        work.Injection.copy_(B);
        work.Injection.addmm_(x, U.t(), 1, 1);
        work.Z.zero_();
        _mask = rows is null ? null : Dropout.Mask(work.Z);
        _map = new CellMap(W, work.Injection, _architecture.Activation, _mask);
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
        }
        return Outputs(work.Z);
    }

    public override void Backward(Tensor outputGradient, BatchLoss loss)
    {
        var work = _workspace!;
        Parameters.Gradients.zero_();
        ReadOutGradient(outputGradient, work.Z, work.StateGradient);
        CorrectIterates(loss);
        if (_regularizer is not null)
        {
            var a = empty_like(work.Z);
            _map.Affine(work.Z, a);
            _regularizer.Add(W, a, Slope(work.F), _mask, loss.Share, work.Z, Parameters.Gradient(0), work.StateGradient, Accumulate);
        }
        _counts.Backward(_gradient.Backward(new CellPass(work.Z, work.F, Adjoint), work.StateGradient, Accumulate));
    }

    private Tensor Outputs(Tensor z) => addmm(C, z, V.t(), 1, 1);

    /// <summary>Adds to the gradients of V and c, and writes that by the state.</summary>
    private void ReadOutGradient(Tensor outputGradient, Tensor z, Tensor stateGradient)
    {
        Parameters.Gradient(3).addmm_(outputGradient.t(), z, 1, 1);
        Parameters.Gradient(4).AddInPlace(outputGradient.sum(0L));
        stateGradient.copy_(outputGradient.mm(V));
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
            var (stateGradient, m) = (empty_like(z), empty_like(z));
            ReadOutGradient(loss.Of(Outputs(f)).Gradient.MultiplyInPlace(weight), f, stateGradient);
            Adjoint(z, f, stateGradient).Apply(zeros_like(z), m);
            Accumulate(m, z);
        }
    }

    /// <summary>Adds to the gradients of W, U and b what the pre-activations at some states give.</summary>
    private void Accumulate(Tensor m, Tensor z)
    {
        Parameters.Gradient(0).addmm_(m.t(), z, 1, 1);
        Parameters.Gradient(1).addmm_(m.t(), _x, 1, 1);
        Parameters.Gradient(2).AddInPlace(m.sum(0L));
    }

    /// <summary>The adjoint of the cell at some states, f being the cell of them.</summary>
    private AdjointMap Adjoint(Tensor z, Tensor f, Tensor stateGradient) => new(W, stateGradient, Slope(f));

    private Tensor Slope(Tensor f)
    {
        var slope = empty_like(f);
        Dropout.Slope(_architecture.Activation, f, _mask, slope);
        return slope;
    }

    public override void RestrictGradients() => _projection?.Restrict(Parameters.Gradient(0));

    public override void Project() => _projection?.Apply(W);

    public override SolveFigures ReadFigures() => _counts.Read(_projection?.ReadBound() * _architecture.Activation.Lipschitz() ?? double.NaN);

    public override Network ToNetwork() =>
        _architecture.Make(new DeqWeights(Parameters.Read(0), Parameters.Read(1), Parameters.Read(2), Parameters.Read(3), Parameters.Read(4)), _link);

    private void Load(DeqNetwork deq)
    {
        foreach (var (index, (_, values)) in deq.Weights.Arrays.Index())
        {
            Parameters.Load(index, values);
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
        _regularizer?.Dispose();
        _states?.Dispose();
        _projection?.Dispose();
        _workspace?.Dispose();
        base.Dispose();
    }

    /// <summary>The buffers of one batch size (B x d each), kept from step to step.</summary>
    private sealed class Workspace : IDisposable
    {
        public Tensor Injection, Z, F, StateGradient;

        private Workspace(long rows, Tensor w)
        {
            Tensor New() => zeros(rows, w.shape[0], w.dtype, w.device).DetachFromDisposeScope();
            (Injection, Z, F, StateGradient) = (New(), New(), New(), New());
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
            foreach (var buffer in new[] { Injection, Z, F, StateGradient })
            {
                buffer.Dispose();
            }
        }
    }
}
