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

    /// <summary>Brings the weights back under their rule.</summary>
    public virtual void Project() { }

    public abstract Network ToNetwork();

    /// <summary>The solve figures since the last read, and starts anew.</summary>
    public virtual SolveFigures ReadFigures() => SolveFigures.None;

    public virtual void Dispose()
    {
        Parameters.Dispose();
        Dropout.Dispose();
    }

    public static void Activate(Activation activation, Tensor values)
    {
        switch (activation)
        {
            case Activation.ReLU: values.relu_(); break;
            case Activation.Tanh: values.tanh_(); break;
            case Activation.LeakyReLU: values.copy_(values.maximum(values.clone().MultiplyInPlace(ActivationExtensions.Leak))); break;
            case Activation.Identity: break;
            default: throw new ArgumentOutOfRangeException(nameof(activation), activation, null);
        }
    }

    /// <summary>Writes phi'(a) given phi(a).</summary>
    public static void Slope(Activation activation, Tensor activated, Tensor slope)
    {
        switch (activation)
        {
            case Activation.ReLU:
                using (var positive = activated.IsAbove(0))
                {
                    slope.copy_(positive);
                }
                break;
            case Activation.Tanh:
                slope.copy_(activated);
                slope.mul_(activated);
                slope.neg_();
                slope.AddInPlace(1);
                break;
            case Activation.LeakyReLU:
                using (var positive = activated.IsAbove(0))
                {
                    slope.copy_(positive);
                }
                slope.MultiplyInPlace(1 - ActivationExtensions.Leak).AddInPlace(ActivationExtensions.Leak);
                break;
            case Activation.Identity: slope.zero_().AddInPlace(1); break;
            default: throw new ArgumentOutOfRangeException(nameof(activation), activation, null);
        }
    }
}
