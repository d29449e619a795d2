using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch.Gradients;

/// <summary>
/// The gradient of the Jacobian penalty for the Gaussian e that was drawn: with J = D W, D = mask phi'(A), and rows v = (D e)' W, it goes through W, through D where phi is curved,
/// and by it through the equilibrium.
/// </summary>
internal sealed class JacobianRegularizer(JacobianPenalty options, Activation activation, int seed, Device device) : IDisposable
{
    public const int Stream = 1;

    private readonly EpochRandom _random = new(seed, Stream, device);
    private int _step;

    public void BeginEpoch(int epoch)
    {
        _random.BeginEpoch(epoch);
        _step = 0;
    }

    /// <summary>Adds the penalty's gradients where the step is one that has it.</summary>
    /// <param name="w">W, d x d.</param>
    /// <param name="a">The pre-activations, B x d; overwritten.</param>
    /// <param name="slope">D, B x d.</param>
    /// <param name="mask">B x d; null for ones.</param>
    /// <param name="share">What each row has of the mean, B x 1.</param>
    /// <param name="z">The states, B x d.</param>
    /// <param name="wGradient">The gradient of W, which W's own part is added to.</param>
    /// <param name="stateGradient">The gradient by the state, which that through D is added to.</param>
    /// <param name="accumulate">Told the gradient by the pre-activations at the states.</param>
    public void Add(Tensor w, Tensor a, Tensor slope, Tensor? mask, Tensor share, Tensor z, Tensor wGradient, Tensor stateGradient, Action<Tensor, Tensor> accumulate)
    {
        if (_step++ % options.Every != 0)
        {
            return;
        }
        var e = _random.Normal(slope);
        var scaled = slope * e;
        var v = scaled.mm(w).mul_(share).MultiplyInPlace(2 * (double)options.Weight / w.shape[0]);
        wGradient.addmm_(scaled.t(), v, 1, 1);
        if (activation.IsPiecewiseLinear())
        {
            return;
        }
        var byPreActivation = v.mm(w.t()).mul_(e).mul_(Curvature(activation, a));
        if (mask is not null)
        {
            byPreActivation.mul_(mask);
        }
        stateGradient.addmm_(byPreActivation, w, 1, 1);
        accumulate(byPreActivation, z);
    }

    public void Dispose() => _random.Dispose();

    /// <summary>phi''(a) of an activation that is not piecewise linear; a is overwritten.</summary>
    public static Tensor Curvature(Activation activation, Tensor a)
    {
        switch (activation)
        {
            case Activation.Tanh: // -2 t (1 - t^2)
                var t = a.tanh_();
                return t.RaisedTo(3).sub_(t).MultiplyInPlace(2);
            case Activation.Softplus: // s (1 - s)
                var s = a.sigmoid_();
                return s - s * s;
            case Activation.GELU: // the normal density times (2 - a^2)
                var square = a.mul_(a);
                return square.neg().MultiplyInPlace(0.5).exp_().MultiplyInPlace(1 / Math.Sqrt(2 * Math.PI)).mul_(square.neg().AddInPlace(2));
            default: throw new ArgumentOutOfRangeException(nameof(activation), activation, null);
        }
    }
}
