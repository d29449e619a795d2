using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// One state after the other, for a triangular M: forwards in the cell, whose W is lower triangular, backwards in its adjoint. Exact after one pass; with a diagonal only
/// where act is made of straight lines through 0, as that of the adjoint always is.
/// </summary>
/// <param name="map">The map.</param>
/// <param name="hasDiagonal">Whether an entry on the diagonal of M may be other than 0.</param>
internal sealed class SubstitutionStep(TensorMap map, bool hasDiagonal) : TensorStep
{
    /// <summary>One step is enough.</summary>
    public override int TestEvery => 1;

    public override Tensor Advance(Tensor z, Tensor f, Tensor next)
    {
        using var scope = NewDisposeScope();
        var size = z.shape[1];
        for (long known = 0; known < size; known++)
        {
            var (index, first) = map.GoesBackwards ? (size - 1 - known, size - known) : (known, 0);
            var state = map.State(index);
            var value = next.narrow(1, index, 1);
            value.copy_(state.Injection);
            if (known > 0)
            {
                value.addmm_(next.narrow(1, first, known), map.Matrix.narrow(0, first, known).narrow(1, index, 1), 1, 1);
            }
            // z = s (a + z m), with the slope s of the side of 0 on which a lies, where act(a) is s a: z = act(a) / (1 - s m).
            var divisor = hasDiagonal ? state.Slope(value).mul(state.Matrix).neg_().AddInPlace(1) : null;
            state.Activate(value);
            if (divisor is not null)
            {
                value.div_(divisor);
            }
        }
        return next;
    }
}
