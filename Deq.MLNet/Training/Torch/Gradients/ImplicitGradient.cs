using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Gradients;

/// <summary>
/// With M the solution of M = phi'(A) (G + M W), the implicit function theorem gives dL/dW = M' Z, dL/dU = M' X, dL/db = M' 1 (Bai, Kolter, Koltun 2019, theorem 1).
/// Nothing is recorded and nothing is unrolled.
/// </summary>
internal sealed class ImplicitGradient(Implicit options, DeqArchitecture architecture, TensorPlace place, MatmulPrecision precision) : TensorGradient
{
    /// <summary>The adjoint's scale is that of the loss's gradient, which has no floor.</summary>
    private const double Absolute = 1e-30;

    private readonly TensorSolver _solver = TensorSolver.Create(architecture.GradientSolver, place, precision, architecture.HasDiagonal);
    private readonly Tolerance _tolerance = new(options.Tolerance ?? architecture.Tolerance.Relative, Absolute);
    private readonly int _maxIterations = options.MaxIterations ?? architecture.MaxIterations;
    private Tensor? _m, _f;

    public override void BeginEpoch() => _solver.BeginEpoch();

    public override BatchSolution Backward(in CellPass pass, Tensor stateGradient, Action<Tensor, Tensor> accumulate)
    {
        if (_m is null || !_m.shape.SequenceEqual(pass.Z.shape))
        {
            _m?.Dispose();
            _f?.Dispose();
            _m = zeros_like(pass.Z).DetachFromDisposeScope();
            _f = zeros_like(pass.Z).DetachFromDisposeScope();
        }
        _m.zero_();
        var adjoint = pass.Adjoint(pass.Z, pass.F, stateGradient);
        var solution = _solver.Solve(adjoint, _m, _f!, _tolerance, _maxIterations);
        if (adjoint.IsNormalized)
        {
            // One more application: gain and shift need the gradient by the cell's value, which m, behind the normalisation, no longer tells.
            adjoint.Affine(_m, _f!);
            _m.copy_(adjoint.Pull(_f!));
        }
        accumulate(_m, pass.Z);
        return solution;
    }

    public override void Dispose()
    {
        _solver.Dispose();
        _m?.Dispose();
        _f?.Dispose();
        base.Dispose();
    }
}
