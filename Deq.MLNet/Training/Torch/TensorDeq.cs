using Deq.MLNet.Networks;
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
    private readonly SpectralProjection? _projection;
    private readonly Link _link;
    private Workspace? _workspace;
    private Tensor _x = null!;
    private Tensor? _mask;

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

    public override Tensor Forward(Tensor x, bool training)
    {
        _x = x;
        var work = _workspace = Workspace.For(x.shape[0], W, _workspace);
        work.Injection.copy_(B);
        work.Injection.addmm_(x, U.t(), 1, 1);
        work.Z.zero_();
        _mask = training ? Dropout.Mask(work.Z) : null;
        var map = new CellMap(W, work.Injection, _architecture.Activation, _mask);
        var solution = _solver.Solve(map, work.Z, work.F, _architecture.Tolerance, _architecture.MaxIterations);
        if (training)
        {
            _batches++;
            _iterations += solution.Iterations;
            _worstIterations = Math.Max(_worstIterations, solution.Iterations);
            _worstResidual = Math.Max(_worstResidual, solution.WorstResidual);
        }
        return addmm(C, work.Z, V.t(), 1, 1);
    }

    public override void Backward(Tensor outputGradient)
    {
        var work = _workspace!;
        Parameters.Gradient(3).addmm_(outputGradient.t(), work.Z, 0, 1);
        Parameters.Gradient(4).copy_(outputGradient.sum(0L));

        work.StateGradient.copy_(outputGradient.mm(V));
        Dropout.Slope(_architecture.Activation, work.F, _mask, work.Slope);
        Parameters.Gradient(0).zero_();
        Parameters.Gradient(1).zero_();
        Parameters.Gradient(2).zero_();
        var solution = _gradient.Backward(new CellPass(W, work.Z, work.F, work.Slope), work.StateGradient, (m, z) =>
        {
            Parameters.Gradient(0).addmm_(m.t(), z, 1, 1);
            Parameters.Gradient(1).addmm_(m.t(), _x, 1, 1);
            Parameters.Gradient(2).AddInPlace(m.sum(0L));
        });
        _worstGradientResidual = Math.Max(_worstGradientResidual, solution.WorstResidual);
    }

    public override void Project() => _projection?.Apply(W);

    public override SolveFigures ReadFigures()
    {
        var figures = new SolveFigures(_batches == 0 ? 0 : (double)_iterations / _batches, _worstIterations, _worstResidual, _worstGradientResidual,
            _projection?.ReadBound() * _architecture.Activation.Lipschitz() ?? double.NaN);
        (_batches, _iterations, _worstIterations, _worstResidual, _worstGradientResidual) = (0, 0, 0, 0, 0);
        return figures;
    }

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
        _projection?.Dispose();
        _workspace?.Dispose();
        base.Dispose();
    }

    /// <summary>The buffers of one batch size (B x d each), kept from step to step.</summary>
    private sealed class Workspace : IDisposable
    {
        public Tensor Injection, Z, F, StateGradient, Slope;

        private Workspace(long rows, Tensor w)
        {
            Tensor New() => zeros(rows, w.shape[0], w.dtype, w.device).DetachFromDisposeScope();
            (Injection, Z, F, StateGradient, Slope) = (New(), New(), New(), New(), New());
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
            foreach (var buffer in new[] { Injection, Z, F, StateGradient, Slope })
            {
                buffer.Dispose();
            }
        }
    }
}
