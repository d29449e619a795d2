using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Gradients;

/// <summary>What a forward pass leaves for the gradient.</summary>
/// <param name="Z">The states, B x d.</param>
/// <param name="F">The cell of them, B x d.</param>
/// <param name="Adjoint">The adjoint of the cell at some states, from these, the cell of them and the gradient by the state (B x d each).</param>
internal readonly record struct CellPass(Tensor Z, Tensor F, Func<Tensor, Tensor, Tensor, AdjointMap> Adjoint);

/// <summary>A gradient rule: from the gradient by the state to that by the pre-activations.</summary>
internal abstract class TensorGradient : IDisposable
{
    public static TensorGradient Create(DeqArchitecture architecture, TensorPlace place, MatmulPrecision precision) => architecture.Gradient switch
    {
        Implicit options => new ImplicitGradient(options, architecture, place, precision),
        Phantom options => new NeumannGradient(options.Steps, options.Damping),
        OneStep => new NeumannGradient(1, 1),
        Unrolled options => new UnrolledGradient(options),
        _ => throw new NotSupportedException($"{architecture.Gradient} has no tensor form."),
    };

    /// <summary>Lets what is remembered from batch to batch start anew, so that a training that resumes does the same.</summary>
    public virtual void BeginEpoch() { }

    /// <summary>Finds the states of a training batch: by the solver, unless the rule says how.</summary>
    public virtual BatchSolution Forward(TensorSolver solver, TensorMap map, Tensor z, Tensor f, Tolerance tolerance, int maxIterations, Action<Tensor, Tensor>? observe) =>
        solver.Solve(map, z, f, tolerance, maxIterations, observe);

    /// <summary>Tells the gradient by the pre-activations, each time with the states that W was applied to (B x d both); the gradients of all calls add up.</summary>
    /// <param name="pass">The forward pass.</param>
    /// <param name="stateGradient">The gradient by the state, B x d.</param>
    /// <param name="accumulate">Told.</param>
    /// <returns>How the linear system was solved; no residual and no unsolved row where there is none.</returns>
    public abstract BatchSolution Backward(in CellPass pass, Tensor stateGradient, Action<Tensor, Tensor> accumulate);

    public virtual void Dispose() { }
}
