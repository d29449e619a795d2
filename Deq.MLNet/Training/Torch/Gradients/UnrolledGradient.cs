using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Gradients;

/// <summary>
/// Plain iteration from zero with every state kept, and the chain rule back through all of them: M_t = phi'(A_t) (M_(t+1) W), of the last step phi'(A) G.
/// Exact for the state where the iteration stops.
/// </summary>
internal sealed class UnrolledGradient(Unrolled options) : TensorGradient
{
    /// <summary>The states before each step, in the scope of the engine's step.</summary>
    private readonly List<Tensor> _states = [];

    public override BatchSolution Forward(TensorSolver solver, TensorMap map, Tensor z, Tensor f, Tolerance tolerance, int maxIterations, Action<Tensor, Tensor>? observe)
    {
        _states.Clear();
        for (var evaluations = 1; ; evaluations++)
        {
            map.Apply(z, f);
            observe?.Invoke(z, f);
            var last = options.Steps is { } steps ? evaluations > steps : evaluations == maxIterations;
            if (last || options.Steps is null && evaluations % TensorStep.Interval == 0)
            {
                using var scope = NewDisposeScope();
                var residuals = RowResiduals.Of(z, f, tolerance);
                var worst = residuals.ReadWorst();
                // A number of steps is what was asked for; only a row that is no longer finite misses it.
                if (worst <= tolerance.Relative || options.Steps is not null && double.IsFinite(worst))
                {
                    return new BatchSolution(evaluations, worst, evaluations);
                }
                if (last || double.IsNaN(worst))
                {
                    return new BatchSolution(evaluations, double.IsNaN(worst) ? double.PositiveInfinity : worst, evaluations, Unsolved(residuals, tolerance));
                }
            }
            _states.Add(z.clone());
            z.copy_(f);
        }
    }

    /// <summary>Rows that are not finite, and, unless a number of steps was asked for, those that do not meet the tolerance.</summary>
    private int Unsolved(RowResiduals residuals, Tolerance tolerance)
    {
        var missed = residuals.Scaled.isfinite().logical_and(residuals.Norm.isfinite()).logical_not();
        if (options.Steps is null)
        {
            missed = missed.logical_or(residuals.Scaled.IsAbove(tolerance.Relative));
        }
        return (int)DeviceReads.Number(missed.sum());
    }

    public override BatchSolution Backward(in CellPass pass, Tensor stateGradient, Action<Tensor, Tensor> accumulate)
    {
        var (injection, m, after) = (stateGradient, zeros_like(stateGradient), pass.Z);
        for (var step = _states.Count - 1; step >= 0; step--)
        {
            var next = empty_like(m);
            var adjoint = pass.Adjoint(_states[step], after, injection);
            adjoint.Affine(m, next);
            accumulate(adjoint.Pull(next), _states[step]);
            // Only the last state is read out.
            (m, after, injection) = (next, _states[step], step == _states.Count - 1 ? zeros_like(m) : injection);
        }
        return new BatchSolution(_states.Count, 0);
    }
}
