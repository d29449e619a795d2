using Deq.MLNet.Errors;

namespace Deq.MLNet;

/// <summary>The rule that turns a gradient into a step of the weights.</summary>
public abstract record Optimizer
{
    private protected Optimizer() { }

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
