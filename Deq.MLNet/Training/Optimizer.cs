using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>The rule that turns a gradient into a step of the weights.</summary>
public abstract record Optimizer
{
    private protected Optimizer() { }

    /// <summary>Whether every step goes over all rows, whatever the batch size is: an epoch is a step.</summary>
    internal virtual bool IsFullBatch => false;

    private protected static float Decay(float beta, string name) => Check.Within(beta, 0f, 1f, name);
}

/// <summary>Adam; a weight decay is added to the gradient (L2). Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.</summary>
public sealed record Adam : Optimizer
{
    /// <summary>Makes the rule.</summary>
    /// <param name="beta1">Decay of the mean of gradients per step, in [0, 1); default 0.9.</param>
    /// <param name="beta2">Decay of the mean of squared gradients per step, in [0, 1); default 0.999.</param>
    /// <param name="epsilon">Added to the root of the mean square, positive; default 1e-8.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public Adam(float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-8f) =>
        (Beta1, Beta2, Epsilon) = (Decay(beta1, nameof(beta1)), Decay(beta2, nameof(beta2)), Check.Positive(epsilon));

    /// <summary>Decay of the mean of gradients; default 0.9.</summary>
    public float Beta1 { get; }

    /// <summary>Decay of the mean of squared gradients; default 0.999.</summary>
    public float Beta2 { get; }

    /// <summary>Added to the root of the mean square; default 1e-8.</summary>
    public float Epsilon { get; }
}

/// <summary>Adam with the weight decay taken from the weights directly. Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.</summary>
public sealed record AdamW : Optimizer
{
    /// <inheritdoc cref="Adam(float, float, float)"/>
    public AdamW(float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-8f) => Moments = new Adam(beta1, beta2, epsilon);

    /// <summary>The constants of the moments, those of <see cref="Adam"/>.</summary>
    public Adam Moments { get; }
}

/// <summary>Stochastic gradient descent with momentum; a weight decay is added to the gradient (L2).</summary>
public sealed record Sgd : Optimizer
{
    /// <summary>Makes the rule.</summary>
    /// <param name="momentum">The share of the last step that is kept, in [0, 1); default 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The momentum is not in [0, 1).</exception>
    public Sgd(float momentum = 0) => Momentum = Check.Within(momentum, 0f, 1f);

    /// <summary>The share of the last step that is kept; default 0.</summary>
    public float Momentum { get; }
}

/// <summary>
/// Levenberg and Marquardt's method for the squared loss of a small network: damped least squares on the network made linear in its weights, over all rows at once. A step solves
/// (J'J + damping D) step = J'r with the Jacobian J of the outputs by the weights, implicit at the equilibrium of a DEQ, the residuals r, and D the diagonal of J'J, each entry plus a thousandth of their mean;
/// where weights are more than rows, D is that mean. A step that does not lower the loss is taken back. An epoch is a step; LearningRate, its schedule, BatchSize and Shuffle are of no effect, WeightDecay adds half its multiple
/// of the weights' sum of squares to what is made small. Needs Engine Auto or Direct.
/// Source: Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", 1963; Hagan and Menhaj, "Training feedforward networks with the Marquardt algorithm", 1994.
/// </summary>
public sealed record LevenbergMarquardt : Optimizer
{
    /// <summary>Makes the rule.</summary>
    /// <param name="damping">The damping that training begins with, positive and at most 1e10, beyond which no step is long enough to change anything; default 1e-2.</param>
    /// <param name="decrease">What the damping is divided by after a step that lowered the loss, above 1; default 3.</param>
    /// <param name="increase">What the damping is multiplied by after one that did not, above 1; default 4.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public LevenbergMarquardt(float damping = 1e-2f, float decrease = 3, float increase = 4) =>
        (Damping, Decrease, Increase) = (Check.AtMost(Check.Positive(damping), 1e10f, nameof(damping)), Check.Above(decrease, 1f), Check.Above(increase, 1f));

    /// <summary>The damping that training begins with; default 1e-2.</summary>
    public float Damping { get; }

    /// <summary>What the damping is divided by after a step that lowered the loss; default 3.</summary>
    public float Decrease { get; }

    /// <summary>What the damping is multiplied by after a step that did not; default 4.</summary>
    public float Increase { get; }

    internal override bool IsFullBatch => true;
}

/// <summary>
/// The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno for a small network, over all rows at once, with a line search by Wolfe's strong conditions. An epoch is a step;
/// LearningRate, its schedule, BatchSize and Shuffle are of no effect, WeightDecay adds half its multiple of the weights' sum of squares to what is made small. Needs Engine Auto or Direct. Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989.
/// </summary>
public sealed record LBfgs : Optimizer
{
    /// <summary>Makes the rule.</summary>
    /// <param name="memory">Steps whose differences are kept, at least 1; default 10.</param>
    /// <exception cref="ArgumentOutOfRangeException">The memory is below 1.</exception>
    public LBfgs(int memory = 10) => Memory = Check.AtLeast(memory, 1);

    /// <summary>Steps whose differences are kept; default 10.</summary>
    public int Memory { get; }

    internal override bool IsFullBatch => true;
}
