using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>A network as tensors: outputs of a batch, and analytic gradients of its weights from the gradient of the outputs.</summary>
internal abstract class TensorModel(Dropout dropout) : IDisposable
{
    protected Dropout Dropout { get; } = dropout;

    public abstract ParameterBuffer Parameters { get; }

    /// <summary>Called once, before the first step, with the number of training rows.</summary>
    public virtual void Attach(int rows) { }

    /// <summary>What is kept of each training row from epoch to epoch; null where nothing is.</summary>
    public virtual KeptStates? States => null;

    /// <summary>Makes what is random follow from the seed and the epoch.</summary>
    public virtual void BeginEpoch(int epoch) => Dropout.BeginEpoch(epoch);

    /// <summary>The affine outputs (B x K) of a batch.</summary>
    /// <param name="x">B x n.</param>
    /// <param name="rows">The indices of the training rows that are trained on, B; null in evaluation.</param>
    public abstract Tensor Forward(Tensor x, Tensor? rows);

    /// <summary>Writes the gradients of the batch last given to <see cref="Forward"/>.</summary>
    /// <param name="outputGradient">The gradient of its outputs, B x K.</param>
    /// <param name="loss">Its loss, for what is trained beside the outputs.</param>
    public abstract void Backward(Tensor outputGradient, BatchLoss loss);

    /// <summary>Takes out of the gradients what a step must not follow, so that it counts in no norm.</summary>
    public virtual void RestrictGradients() { }

    /// <summary>Brings the weights back under their rule after a step, where that is costly by an estimate.</summary>
    public virtual void Project() { }

    /// <summary>Makes certain that the weights obey their rule: called before they are read.</summary>
    public virtual void Enforce() { }

    public abstract Network ToNetwork();

    /// <summary>The solve figures since the last read, and starts anew.</summary>
    public virtual SolveFigures ReadFigures() => SolveFigures.None;

    public virtual void Dispose()
    {
        Parameters.Dispose();
        Dropout.Dispose();
    }

    /// <summary>Applies phi in place.</summary>
    public static void Activate(Activation activation, Tensor values)
    {
        using var scope = NewDisposeScope();
        switch (activation)
        {
            case Activation.ReLU: values.relu_(); break;
            case Activation.Tanh: values.tanh_(); break;
            case Activation.LeakyReLU: values.copy_(values.maximum(values.clone().MultiplyInPlace(ActivationExtensions.Leak))); break;
            case Activation.GELU: values.gelu_(); break;
            // max(v, 0) + log(1 + exp(-|v|)).
            case Activation.Softplus:
                var tail = values.abs().neg_().exp_().log1p_();
                values.relu_().AddInPlace(tail);
                break;
            case Activation.Identity: break;
            default: throw new ArgumentOutOfRangeException(nameof(activation), activation, null);
        }
    }

    /// <summary>Whether phi(a) does not tell the slope at a.</summary>
    public static bool NeedsPreactivations(Activation activation) => activation == Activation.GELU;

    /// <summary>Writes mask * phi'(a).</summary>
    /// <param name="activation">phi.</param>
    /// <param name="activated">mask * phi(a).</param>
    /// <param name="preactivations">a; read where <see cref="NeedsPreactivations"/> says so.</param>
    /// <param name="mask">Of the dropout; null for ones.</param>
    /// <param name="dropout">Made the mask.</param>
    /// <param name="slope">Receives the slopes.</param>
    public static void Slope(Activation activation, Tensor activated, Tensor? preactivations, Tensor? mask, Dropout? dropout, Tensor slope)
    {
        using var scope = NewDisposeScope();
        // The slope is that of the activation before it was scaled; where it was left out, the mask is zero.
        SlopeOf(activation, mask is null ? activated : dropout!.Unscale(activated), preactivations, slope);
        if (mask is not null)
        {
            slope.mul_(mask);
        }
    }

    private static void SlopeOf(Activation activation, Tensor activated, Tensor? preactivations, Tensor slope)
    {
        switch (activation)
        {
            case Activation.ReLU: slope.copy_(activated.IsAbove(0)); break;
            case Activation.Tanh:
                slope.copy_(activated);
                slope.mul_(activated);
                slope.neg_();
                slope.AddInPlace(1);
                break;
            case Activation.LeakyReLU:
                slope.copy_(activated.IsAbove(0));
                slope.MultiplyInPlace(1 - ActivationExtensions.Leak).AddInPlace(ActivationExtensions.Leak);
                break;
            // Phi(a) + a Phi'(a), with the normal distribution.
            case Activation.GELU:
                var a = preactivations!;
                var density = (a * a).MultiplyInPlace(-0.5).exp_().MultiplyInPlace(1 / Math.Sqrt(2 * Math.PI));
                slope.copy_(a);
                slope.MultiplyInPlace(Math.Sqrt(0.5)).erf_().AddInPlace(1).MultiplyInPlace(0.5).AddInPlace(density.mul_(a));
                break;
            // 1 / (1 + exp(-a)) = 1 - exp(-phi(a)).
            case Activation.Softplus:
                slope.copy_(activated);
                slope.neg_().expm1_().neg_();
                break;
            case Activation.Identity: slope.zero_().AddInPlace(1); break;
            default: throw new ArgumentOutOfRangeException(nameof(activation), activation, null);
        }
    }
}
