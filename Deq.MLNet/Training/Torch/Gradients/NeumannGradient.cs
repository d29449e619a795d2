using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Gradients;

/// <summary>
/// The phantom gradient: damped iterations of the adjoint from zero, M &lt;- (1 - tau) M + tau phi'(A) (G + M W), which after k of them is tau times the sum over t below k of
/// ((1 - tau) I + tau D W')^t D g. With rho = ||D W'||_2 a row is off the implicit gradient M* by at most (1 - tau + tau rho)^k ||M*||. One undamped step is JFB.
/// </summary>
internal sealed class NeumannGradient(int steps, float damping) : TensorGradient
{
    public override BatchSolution Backward(in CellPass pass, Tensor stateGradient, Action<Tensor, Tensor> accumulate)
    {
        var adjoint = pass.Adjoint(pass.Z, pass.F, stateGradient);
        // In h = G + M W, the gradient by the cell's value, of which M = Pull(h).
        var (h, m, next) = (zeros_like(pass.Z), zeros_like(pass.Z), empty_like(pass.Z));
        for (var step = 0; step < steps; step++)
        {
            adjoint.Affine(m, next);
            h.MoveInPlace(next, damping);
            if (step < steps - 1)
            {
                m.copy_(h);
                adjoint.Activate(m);
            }
        }
        accumulate(adjoint.Pull(h), pass.Z);
        return new BatchSolution(steps, 0);
    }
}
