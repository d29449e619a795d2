using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// One state after the other, for a triangular M: forwards in the cell, whose W is lower triangular, backwards in its adjoint. Exact after one pass; with a diagonal only
/// where act is made of straight lines through 0, as that of the adjoint always is.
/// </summary>
internal sealed class SubstitutionStep : TensorStep
{
    private readonly TensorMap _map;
    private readonly bool _backwards, _hasDiagonal;

    public SubstitutionStep(TensorMap map)
    {
        _map = map;
        using var scope = NewDisposeScope();
        var largest = DeviceReads.Doubles(stack([map.Matrix.tril(-1).abs().max(), map.Matrix.diagonal().abs().max()]));
        (_backwards, _hasDiagonal) = (largest[0] != 0, largest[1] != 0);
    }

    /// <summary>One step is enough.</summary>
    public override int TestEvery => 1;

    public override Tensor Advance(Tensor z, Tensor f, Tensor next)
    {
        using var scope = NewDisposeScope();
        var size = z.shape[1];
        for (long known = 0; known < size; known++)
        {
            var (index, first) = _backwards ? (size - 1 - known, size - known) : (known, 0);
            var state = _map.State(index);
            var value = next.narrow(1, index, 1);
            value.copy_(state.Injection);
            if (known > 0)
            {
                value.addmm_(next.narrow(1, first, known), _map.Matrix.narrow(0, first, known).narrow(1, index, 1), 1, 1);
            }
            if (_hasDiagonal)
            {
                // z = s (a + z m), with the slope s of the side of 0 on which a lies.
                var slope = state.Slope(value);
                value.mul_(slope).div_(slope.mul(state.Matrix).neg_().AddInPlace(1));
            }
            else
            {
                state.Activate(value);
            }
        }
        return next;
    }
}
