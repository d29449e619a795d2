using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>
/// The deep equilibrium cell as tensors. With M the solution of M = phi'(A) (G + M W), where A holds the pre-activations and G = (dL/dY) V, the implicit
/// function theorem gives dL/dW = M' Z, dL/dU = M' X, dL/db = M' 1 (Bai, Kolter, Koltun 2019, theorem 1). Nothing is recorded and nothing is unrolled.
/// Dropout is variational (Gal and Ghahramani 2016; Bai et al. 2019): a row has one mask for its whole solve, z = mask * phi(W z + u), and mask * phi' is the slope.
/// </summary>
internal sealed class TensorDeq : TensorModel
{
    /// <summary>The adjoint's scale is that of the loss's gradient, which has no floor.</summary>
    private const double AdjointAbsolute = 1e-30;

    private readonly DeqArchitecture _architecture;
    private readonly TensorSolver _solver;
    private readonly TensorSolver _gradientSolver;
    private readonly Tolerance _gradientTolerance;
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
        _gradientSolver = TensorSolver.Create(architecture.GradientSolver);
        _gradientTolerance = new Tolerance(architecture.Tolerance.Relative, AdjointAbsolute);
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
        var transposed = W.t();
        var mask = _mask = training ? Dropout.Mask(work.Z) : null;
        var solution = _solver.Solve((z, f) =>
        {
            f.copy_(work.Injection);
            f.addmm_(z, transposed, 1, 1);
            Activate(_architecture.Activation, f);
            if (mask is not null)
            {
                f.mul_(mask);
            }
        }, ref work.Z, ref work.F, _architecture.Tolerance, _architecture.MaxIterations);
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
        work.Adjoint.zero_();
        var solution = _gradientSolver.Solve((m, f) =>
        {
            f.copy_(work.StateGradient);
            f.addmm_(m, W, 1, 1);
            f.mul_(work.Slope);
        }, ref work.Adjoint, ref work.AdjointF, _gradientTolerance, _architecture.MaxIterations);
        _worstGradientResidual = Math.Max(_worstGradientResidual, solution.WorstResidual);

        var adjoint = work.Adjoint.t();
        Parameters.Gradient(0).addmm_(adjoint, work.Z, 0, 1);
        Parameters.Gradient(1).addmm_(adjoint, _x, 0, 1);
        Parameters.Gradient(2).copy_(work.Adjoint.sum(0L));
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
        _architecture.Make(Parameters.Read(0), Parameters.Read(1), Parameters.Read(2), Parameters.Read(3), Parameters.Read(4), _link);

    private void Load(DeqNetwork deq)
    {
        Parameters.Load(0, deq.W);
        Parameters.Load(1, deq.U);
        Parameters.Load(2, deq.B);
        Parameters.Load(3, deq.V);
        Parameters.Load(4, deq.C);
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
        _gradientSolver.Dispose();
        _projection?.Dispose();
        _workspace?.Dispose();
        base.Dispose();
    }

    /// <summary>The buffers of one batch size (B x d each), kept from step to step.</summary>
    private sealed class Workspace : IDisposable
    {
        public Tensor Injection, Z, F, StateGradient, Slope, Adjoint, AdjointF;

        private Workspace(long rows, Tensor w)
        {
            Tensor New() => zeros(rows, w.shape[0], w.dtype, w.device).DetachFromDisposeScope();
            (Injection, Z, F, StateGradient, Slope, Adjoint, AdjointF) = (New(), New(), New(), New(), New(), New(), New());
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
            foreach (var buffer in new[] { Injection, Z, F, StateGradient, Slope, Adjoint, AdjointF })
            {
                buffer.Dispose();
            }
        }
    }
}
