using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>Of every row ||f - z||, ||f|| and the residual as it is reported, by operations of the device (B each).</summary>
internal readonly record struct RowResiduals(Tensor Distance, Tensor Norm, Tensor Scaled)
{
    /// <summary>In the type of z, in the caller's dispose scope.</summary>
    public static RowResiduals Of(Tensor z, Tensor f, Tolerance tolerance)
    {
        var (distance, norm) = ((f - z).norm(1), f.norm(1));
        return new RowResiduals(distance, norm, Scale(distance, norm, tolerance));
    }

    /// <summary>As <see cref="Tolerance.Scaled"/>.</summary>
    public static Tensor Scale(Tensor distance, Tensor norm, Tolerance tolerance)
    {
        // A floor that vanishes in float32 would make 0 / 0 of a row of zeros.
        var least = distance.dtype == ScalarType.Float64 ? 2.3e-308 : 1.2e-38;
        return distance / norm.clone().AddInPlace(Math.Max(tolerance.Floor, least));
    }

    /// <summary>The largest residual, in one read; NaN where a row is not finite.</summary>
    public double ReadWorst()
    {
        // By the norm too: where it alone overflows, the residual is 0.
        var largest = DeviceReads.Doubles(stack([Scaled, Norm]).amax([1L]));
        return double.IsFinite(largest[0]) && double.IsFinite(largest[1]) ? largest[0] : double.NaN;
    }
}
