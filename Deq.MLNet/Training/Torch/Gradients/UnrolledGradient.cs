using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Gradients;

/// <summary>
/// Plain iteration from zero with every state kept, and the chain rule back through all of them: M_t = phi'(A_t) (M_(t+1) W), of the last step phi'(A) G.
/// Exact for the state where the iteration stops.
/// </summary>
internal sealed class UnrolledGradient(Unrolled options) : TensorGradient
{
    /// <summary>Iterations between two tests: a test waits for the device.</summary>
    private const int TestEvery = 3;

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
            if (last || options.Steps is null && evaluations % TestEvery == 0)
            {
                var residuals = Residuals(z, f, tolerance);
                // A number of steps is what was asked for; only a row that is no longer finite misses it.
                var most = options.Steps is null ? tolerance.Relative : double.MaxValue;
                var unsolved = residuals.Count(residual => !(residual <= most));
                if (last || unsolved == 0 || !residuals.All(double.IsFinite))
                {
                    return new BatchSolution(evaluations, residuals.Max(), evaluations, unsolved);
                }
            }
            _states.Add(z.clone());
            z.copy_(f);
        }
    }

    private static double[] Residuals(Tensor z, Tensor f, Tolerance tolerance)
    {
        var (distance, norm) = TensorRows.Measure(z, f);
        return [.. distance.Zip(norm, tolerance.Scaled)];
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
