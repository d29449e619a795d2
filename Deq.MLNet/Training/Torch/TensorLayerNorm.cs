using Deq.MLNet.Equilibrium;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>The normalisation of a cell's sums over the d values of a row: gain * (a - mean) / sqrt(var + eps) + shift.</summary>
internal sealed class TensorLayerNorm(Parameter gain, Parameter shift)
{
    /// <summary>Normalises B x d sums in place.</summary>
    public void Apply(Tensor a)
    {
        using var normal = nn.functional.layer_norm(a, gain.Value.shape, gain.Value, shift.Value, LayerNorm.Epsilon);
        a.copy_(normal);
    }

    /// <summary>Normalises sums in place, and brings the bounds of their errors through it: one error moves the mean and the variance, which all states share.</summary>
    public void Spread(Tensor sums, Tensor errors, double epsilon)
    {
        var mean = sums.mean([1], keepdim: true).abs_();
        var slope = SlopeAt(sums);
        Apply(sums);
        errors.AddInPlace(slope.Normal.abs().AddInPlace(1).mul_(errors.mean([1], keepdim: true))).AddInPlace(mean, epsilon).mul_(slope.Inverse).AddInPlace(LayerNorm.UnitsOfItself * epsilon)
            .mul_(gain.Value.abs()).AddInPlace(shift.Value.abs(), epsilon);
    }

    /// <summary>What the gradient needs of B x d sums.</summary>
    public LayerNormSlope SlopeAt(Tensor a)
    {
        var centred = a - a.mean([1], keepdim: true);
        var inverse = (centred * centred).mean([1], keepdim: true).AddInPlace(LayerNorm.Epsilon).rsqrt_();
        return new LayerNormSlope(gain, shift, centred.mul_(inverse), inverse);
    }
}

/// <summary>The derivative of a normalisation at some sums.</summary>
/// <param name="gain">The gain.</param>
/// <param name="shift">The shift.</param>
/// <param name="normal">(a - mean) / sqrt(var + eps), B x d.</param>
/// <param name="inverse">1 / sqrt(var + eps), B x 1.</param>
internal sealed class LayerNormSlope(Parameter gain, Parameter shift, Tensor normal, Tensor inverse)
{
    public Tensor Normal => normal;

    public Tensor Inverse => inverse;

    /// <summary>From the gradient by what the normalisation gave to that by the sums, in place: (t - mean(t) - normal * mean(t * normal)) / sqrt(var + eps), with t = gain * s.</summary>
    public void Pull(Tensor s)
    {
        using var scope = NewDisposeScope();
        s.mul_(gain.Value);
        var along = (s * normal).mean([1], keepdim: true);
        s.sub_(s.mean([1], keepdim: true)).sub_(normal * along).mul_(inverse);
    }

    /// <summary>Brings bounds of errors through <see cref="Pull"/>, in place: what is taken off is no larger in norm than what it is taken off from, and is rounded itself.</summary>
    public void PullErrors(Tensor errors) => errors.mul_(gain.Value.abs()).mul_(inverse).MultiplyInPlace(2);

    /// <summary>Adds what the gradient by what the normalisation gave says of gain and shift.</summary>
    public void Gather(Tensor s)
    {
        using var scope = NewDisposeScope();
        gain.Gradient.AddInPlace((s * normal).sum(0L));
        shift.Gradient.AddInPlace(s.sum(0L));
    }
}
