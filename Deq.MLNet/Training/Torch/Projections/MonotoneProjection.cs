using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Projections;

/// <summary>The nearest W for which no eigenvalue of (W + W') / 2 is above a limit: what they are above it is taken off, and W - W' stays.</summary>
/// <remarks>
/// A Cholesky decomposition of limit I - (W + W') / 2 says whether there is anything to do, for less than the eigenvalues cost. Its flag has to be read, which waits for the device;
/// so does every eigenvalue decomposition, and takes many times as long.
/// </remarks>
internal sealed class MonotoneProjection(double limit) : Projection
{
    /// <summary>Rounding of float32, as a share of the Frobenius norm of limit I - (W + W') / 2: by it and the next the test may err, and by twice as much eigenvalues are brought below the limit.</summary>
    private const double Margin = 2e-6;

    /// <summary>Rounding of W itself, most of which may be W - W', as a share of its Frobenius norm.</summary>
    private const double MarginOfW = 2e-7;

    protected override Tensor Project(Tensor w)
    {
        var symmetric = w.t().clone().AddInPlace(w).MultiplyInPlace(0.5);
        var slack = symmetric.neg();
        slack.diagonal().AddInPlace(limit);
        var margin = slack.norm().MultiplyInPlace(Margin).AddInPlace(w.norm(), MarginOfW);
        slack.diagonal().sub_(margin);
        var flags = DeviceReads.Doubles(stack([linalg.cholesky_ex(slack).info.to(ScalarType.Int64), w.isfinite().all().to(ScalarType.Int64)]));
        // NaN is left as it is, for training to find.
        if (flags[0] != 0 && flags[1] != 0)
        {
            var (values, vectors) = linalg.eigh(symmetric);
            var excess = values.AddInPlace(-limit).AddInPlace(margin, 2).RaiseInPlace(0);
            w.sub_((vectors * excess).mm(vectors.t()));
        }
        return margin.neg_().AddInPlace(limit);
    }
}
