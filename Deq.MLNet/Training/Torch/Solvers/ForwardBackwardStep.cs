using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>Forward-backward splitting: z &lt;- prox(z + step (z M + u - z)) (Winston and Kolter 2020, algorithm 1).</summary>
internal sealed class ForwardBackwardStep(ForwardBackward options, TensorMap map) : TensorStep
{
    private readonly double _step = options.Step ?? Measure(map.Matrix);

    public override bool ReadsValue => false;

    public override Tensor Advance(Tensor z, Tensor f, Tensor next)
    {
        using var scope = NewDisposeScope();
        map.Affine(z, next);
        next.MultiplyInPlace(_step).AddInPlace(z, 1 - _step);
        map.Proximal(next, _step);
        return next;
    }

    /// <summary>m / ||I - M||^2, with m the least eigenvalue of the symmetric part of I - M: the step of the surest gain. Where m is not positive nothing converges surely, and the step is a short one.</summary>
    private static double Measure(Tensor matrix)
    {
        using var scope = NewDisposeScope();
        var shifted = eye(matrix.shape[0], dtype: ScalarType.Float64, device: matrix.device).sub_(matrix.to(ScalarType.Float64));
        var twiceSymmetric = shifted.clone().AddInPlace(shifted.t());
        var values = DeviceReads.Doubles(stack([linalg.eigvalsh(twiceSymmetric).min(), linalg.eigvalsh(shifted.t().mm(shifted)).max()]));
        var (m, squaredNorm) = (values[0] / 2, values[1]);
        return m > 0 ? m / squaredNorm : 1 / (1 + Math.Sqrt(squaredNorm));
    }
}
