using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>
/// A map of a batch, z -> act(z M + u): rows of z (B x d) times a matrix of all rows, plus what is a row's own, under something element-wise.
/// The cell and the adjoint of its gradient both are one, so that every solver serves both.
/// </summary>
internal abstract class TensorMap
{
    /// <summary>M, d x d.</summary>
    public abstract Tensor Matrix { get; }

    /// <summary>u, B x d.</summary>
    public abstract Tensor Injection { get; }

    /// <summary>Writes z M + u into the second.</summary>
    public void Affine(Tensor z, Tensor a)
    {
        a.copy_(Injection);
        a.addmm_(z, Matrix, 1, 1);
    }

    /// <summary>Writes the map of z into the second.</summary>
    public void Apply(Tensor z, Tensor f)
    {
        Affine(z, f);
        Activate(f);
    }

    /// <summary>Applies act in place.</summary>
    public abstract void Activate(Tensor a);
}

/// <summary>The cell: z -> mask * phi(W z + u), with the sums W z + u normalised where it is layer-normalised.</summary>
/// <param name="w">W.</param>
/// <param name="injection">u, B x d.</param>
/// <param name="activation">phi.</param>
/// <param name="mask">B x d; null for ones.</param>
/// <param name="norm">The normalisation; null for none.</param>
internal sealed class CellMap(Tensor w, Tensor injection, Activation activation, Tensor? mask, TensorLayerNorm? norm = null) : TensorMap
{
    public override Tensor Matrix { get; } = w.t();

    public override Tensor Injection => injection;

    public override void Activate(Tensor a)
    {
        norm?.Apply(a);
        TensorModel.Activate(activation, a);
        if (mask is not null)
        {
            a.mul_(mask);
        }
    }
}

/// <summary>The adjoint of the cell at an equilibrium: m -> slope * (W' m + g), which for rows is (m W + g); of a layer-normalised cell pulled back through the normalisation too.</summary>
/// <param name="w">W.</param>
/// <param name="stateGradient">g, B x d: the gradient by the state.</param>
/// <param name="slope">B x d.</param>
/// <param name="norm">The derivative of the normalisation; null for none.</param>
internal sealed class AdjointMap(Tensor w, Tensor stateGradient, Tensor slope, LayerNormSlope? norm = null) : TensorMap
{
    public override Tensor Matrix => w;

    public override Tensor Injection => stateGradient;

    public override void Activate(Tensor a)
    {
        a.mul_(slope);
        norm?.Pull(a);
    }
}
