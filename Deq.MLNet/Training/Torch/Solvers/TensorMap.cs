using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// A map of a batch, z -> act(z M + u): rows of z (B x d) times a matrix of all rows, plus what is a row's own, under something element-wise.
/// The cell and the adjoint of its gradient both are one, so that every solver serves both. Plain iteration, Anderson, Broyden and Auto go by <see cref="Apply"/> alone.
/// </summary>
internal abstract class TensorMap
{
    /// <summary>M, d x d.</summary>
    public abstract Tensor Matrix { get; }

    /// <summary>u, B x d.</summary>
    public abstract Tensor Injection { get; }

    /// <summary>Whether M is lower triangular where W is: then states follow from later ones.</summary>
    public abstract bool GoesBackwards { get; }

    /// <summary>Writes z M + u into the second.</summary>
    public void Affine(Tensor z, Tensor a)
    {
        a.copy_(Injection);
        a.addmm_(z, Matrix, 1, 1);
    }

    /// <summary>Writes the map of z into the second.</summary>
    public virtual void Apply(Tensor z, Tensor f)
    {
        Affine(z, f);
        Activate(f);
    }

    /// <summary>As of the managed cell: of every row, the norm of the error that rounding alone makes in the map of z; B, in float64.</summary>
    public Tensor RoundingErrors(Tensor z)
    {
        using var scope = NewDisposeScope();
        var epsilon = z.dtype == ScalarType.Float64 ? double.BitIncrement(1) - 1 : float.BitIncrement(1) - 1;
        var sums = empty_like(z);
        Affine(z, sums);
        // In this order no product leaves the range before the sum does.
        var errors = z.abs().MultiplyInPlace(TorchMatmul.Epsilon(z.device, z.dtype)).mm(Matrix.abs()).AddInPlace(Injection.abs(), epsilon);
        PassErrors(sums, errors, epsilon);
        return errors.to(ScalarType.Float64).norm(1).MoveToOuterDisposeScope();
    }

    /// <summary>Brings bounds of the errors of pre-activations through act, in place, and adds those of act itself; the sums may be overwritten.</summary>
    protected abstract void PassErrors(Tensor sums, Tensor errors, double epsilon);

    /// <summary>Applies act in place.</summary>
    public abstract void Activate(Tensor a);

    /// <summary>act' at pre-activations a, of the shape of a.</summary>
    public abstract Tensor Slope(Tensor a);

    /// <summary>Applies prox of step * g in place, where act itself is prox of g (Winston and Kolter 2020).</summary>
    /// <exception cref="NotSupportedException">act has no proximal form here.</exception>
    public abstract void Proximal(Tensor a, double step);

    /// <summary>The map of one state alone: its M is 1 x 1, its u is B x 1.</summary>
    public abstract TensorMap State(long index);
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

    public override bool GoesBackwards => false;

    public override void Activate(Tensor a)
    {
        norm?.Apply(a);
        TensorModel.Activate(activation, a);
        if (mask is not null)
        {
            a.mul_(mask);
        }
    }

    public override Tensor Slope(Tensor a)
    {
        var (value, slope) = (a.clone(), empty_like(a));
        TensorModel.Activate(activation, value);
        TensorModel.Slope(activation, value, a, null, null, slope);
        return mask is null ? slope : slope.mul_(mask);
    }

    protected override void PassErrors(Tensor sums, Tensor errors, double epsilon)
    {
        norm?.Spread(sums, errors, epsilon);
        // About a kink the error decides which side is taken.
        errors.mul_(Slope(sums - errors).abs_().maximum(Slope(sums.clone().AddInPlace(errors)).abs_()));
        TensorModel.Activate(activation, sums);
        errors.AddInPlace(mask is null ? sums.abs_() : sums.mul_(mask).abs_(), ActivationExtensions.ErrorUnits * epsilon);
    }

    /// <summary>The adjoint of the cell at some states.</summary>
    /// <param name="z">The states, B x d.</param>
    /// <param name="f">The cell of them.</param>
    /// <param name="stateGradient">The gradient by the cell's value, B x d.</param>
    public AdjointMap Adjoint(Tensor z, Tensor f, Tensor stateGradient)
    {
        var slope = empty_like(f);
        if (mask is null && norm is null && !TensorModel.NeedsPreactivations(activation))
        {
            TensorModel.Slope(activation, f, null, null, null, slope);
            return new AdjointMap(w, stateGradient, slope);
        }
        // What the value does not tell, the sums do.
        Affine(z, slope);
        var normSlope = norm?.SlopeAt(slope);
        norm?.Apply(slope);
        return new AdjointMap(w, stateGradient, Slope(slope), normSlope);
    }

    public override void Proximal(Tensor a, double step)
    {
        switch (activation)
        {
            case Activation.ReLU or Activation.Identity when mask is null: TensorModel.Activate(activation, a); break;
            case Activation.LeakyReLU when mask is null: a.copy_(a.maximum(a.clone().MultiplyInPlace(ActivationExtensions.ProximalLeak(step)))); break;
            default: throw new NotSupportedException($"{activation}{(mask is null ? "" : " under dropout")} has no proximal form here.");
        }
    }

    public override TensorMap State(long index) =>
        new CellMap(w.narrow(0, index, 1).narrow(1, index, 1), injection.narrow(1, index, 1), activation, mask?.narrow(1, index, 1));
}

/// <summary>The adjoint of the cell at some states: m -> slope * (W' m + g), which for rows is (m W + g); of a layer-normalised cell pulled back through the normalisation too.</summary>
/// <param name="w">W.</param>
/// <param name="stateGradient">g, B x d: the gradient by the state.</param>
/// <param name="slope">B x d.</param>
/// <param name="norm">The derivative of the normalisation; null for none.</param>
internal sealed class AdjointMap(Tensor w, Tensor stateGradient, Tensor slope, LayerNormSlope? norm = null) : TensorMap
{
    public bool IsNormalized => norm is not null;

    public override Tensor Matrix => w;

    public override Tensor Injection => stateGradient;

    public override bool GoesBackwards => true;

    public override void Activate(Tensor a)
    {
        a.mul_(slope);
        norm?.Pull(a);
    }

    /// <summary>The same, of h, the gradient by the cell's value; what it says of gain and shift is added to their gradients. Returns h.</summary>
    public Tensor Pull(Tensor h)
    {
        h.mul_(slope);
        norm?.Gather(h);
        norm?.Pull(h);
        return h;
    }

    public override Tensor Slope(Tensor a) => slope;

    protected override void PassErrors(Tensor sums, Tensor errors, double epsilon)
    {
        errors.AddInPlace(sums.abs_(), ActivationExtensions.ErrorUnits * epsilon).mul_(slope.abs());
        norm?.PullErrors(errors);
    }

    /// <summary>Multiplication by s in [0, 1] is prox of g(v) = (1/s - 1) v^2 / 2; that of step * g multiplies by s / (s + step (1 - s)).</summary>
    public override void Proximal(Tensor a, double step) => a.mul_(slope).div_(slope.clone().MultiplyInPlace(1 - step).AddInPlace(step));

    public override TensorMap State(long index) =>
        new AdjointMap(w.narrow(0, index, 1).narrow(1, index, 1), stateGradient.narrow(1, index, 1), slope.narrow(1, index, 1));
}
