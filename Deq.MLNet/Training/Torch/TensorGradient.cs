using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>What a forward pass leaves for the gradient.</summary>
/// <param name="W">W, d x d.</param>
/// <param name="Z">The states, B x d.</param>
/// <param name="F">The cell of them, B x d.</param>
/// <param name="Slope">phi' at the pre-activations of them, times the mask; B x d.</param>
/// <param name="Norm">The derivative of a layer-normalised cell's normalisation; null for a cell without.</param>
internal readonly record struct CellPass(Tensor W, Tensor Z, Tensor F, Tensor Slope, LayerNormSlope? Norm = null)
{
    /// <summary>From h, the gradient by the cell's value, to that by its sums W z + u, in place; what it says of gain and shift is added to their gradients.</summary>
    public Tensor Pull(Tensor h)
    {
        h.mul_(Slope);
        Norm?.Gather(h);
        Norm?.Pull(h);
        return h;
    }
}

/// <summary>A gradient rule: from the gradient by the state to that by the pre-activations.</summary>
internal abstract class TensorGradient : IDisposable
{
    public static TensorGradient Create(DeqArchitecture architecture) => architecture.Gradient switch
    {
        Implicit => new ImplicitGradient(architecture),
        _ => throw new NotSupportedException($"{architecture.Gradient} has no tensor form."),
    };

    /// <summary>Tells the gradient by the pre-activations, each time with the states that W was applied to (B x d both); the gradients of all calls add up.</summary>
    /// <param name="pass">The forward pass.</param>
    /// <param name="stateGradient">The gradient by the state, B x d.</param>
    /// <param name="accumulate">Told.</param>
    /// <returns>How the linear system was solved.</returns>
    public abstract TensorSolution Backward(in CellPass pass, Tensor stateGradient, Action<Tensor, Tensor> accumulate);

    public virtual void Dispose() { }
}

/// <summary>
/// With M the solution of M = phi'(A) (G + M W), the implicit function theorem gives dL/dW = M' Z, dL/dU = M' X, dL/db = M' 1 (Bai, Kolter, Koltun 2019, theorem 1).
/// Nothing is recorded and nothing is unrolled.
/// </summary>
internal sealed class ImplicitGradient : TensorGradient
{
    /// <summary>The adjoint's scale is that of the loss's gradient, which has no floor.</summary>
    private const double Absolute = 1e-30;

    private readonly TensorSolver _solver;
    private readonly Tolerance _tolerance;
    private readonly int _maxIterations;
    private Tensor? _m, _f;

    public ImplicitGradient(DeqArchitecture architecture)
    {
        var options = (Implicit)architecture.Gradient;
        _solver = TensorSolver.Create(architecture.GradientSolver);
        _tolerance = new Tolerance(options.Tolerance ?? architecture.Tolerance.Relative, Absolute);
        _maxIterations = options.MaxIterations ?? architecture.MaxIterations;
    }

    public override TensorSolution Backward(in CellPass pass, Tensor stateGradient, Action<Tensor, Tensor> accumulate)
    {
        if (_m is null || !_m.shape.SequenceEqual(pass.Z.shape))
        {
            _m?.Dispose();
            _f?.Dispose();
            _m = zeros_like(pass.Z).DetachFromDisposeScope();
            _f = zeros_like(pass.Z).DetachFromDisposeScope();
        }
        _m.zero_();
        var solution = _solver.Solve(new AdjointMap(pass.W, stateGradient, pass.Slope, pass.Norm), ref _m, ref _f!, _tolerance, _maxIterations);
        // One more application: gain and shift need the gradient by the cell's value, which m, behind the normalisation, no longer tells.
        accumulate(pass.Norm is null ? _m : pass.Pull(addmm(stateGradient, _m, pass.W, 1, 1)), pass.Z);
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
