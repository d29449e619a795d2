using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>Plain iteration with damping; undamped it copies nothing.</summary>
internal sealed class PicardStep(Picard options) : TensorStep
{
    public override bool WritesNext => options.Damping != 1;

    public override Tensor Advance(Tensor z, Tensor f, Tensor next)
    {
        if (!WritesNext)
        {
            return f;
        }
        return next.copy_(z).MoveInPlace(f, options.Damping);
    }
}
