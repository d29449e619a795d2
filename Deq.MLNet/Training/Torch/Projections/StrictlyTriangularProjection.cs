using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Projections;

/// <summary>Sets the entries of W on and above its diagonal to zero. There is no bound to tell.</summary>
internal sealed class StrictlyTriangularProjection : Projection
{
    public override void Restrict(Tensor gradient) => gradient.tril_(-1);

    protected override Tensor? Project(Tensor w)
    {
        w.tril_(-1);
        return null;
    }
}
