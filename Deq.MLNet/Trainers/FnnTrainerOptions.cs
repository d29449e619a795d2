using Deq.MLNet.Errors;
using Deq.MLNet.Training;

namespace Deq.MLNet;

/// <summary>What the trainers of feed-forward networks have in common.</summary>
public abstract class FnnTrainerOptions : NetworkTrainerOptions
{
    /// <summary>The sizes of the hidden layers, first to last, each at least 1; default 64 and 64. Empty for a linear model.</summary>
    public int[] HiddenSizes = [64, 64];

    /// <summary>phi of the hidden layers; default ReLU.</summary>
    public Activation Activation = Activation.ReLU;

    /// <summary>The probability with which a hidden unit is left out of a training step, in [0, 1); default 0.</summary>
    public float Dropout;

    private protected override Architecture ToArchitecture() => new FnnArchitecture(
        [.. Check.NotNull(HiddenSizes).Select((size, layer) => Check.AtLeast(size, 1, $"{nameof(HiddenSizes)}[{layer}]"))],
        Check.Defined(Activation),
        Check.Within(Dropout, 0, 1))
    {
        Initialization = Check.NotNull(Initialization) is GaussianInitialization or OrthogonalInitialization or KinkInitialization or CascadeInitialization
            ? Initialization
            : throw new ArgumentException($"{nameof(Initialization)} is of W in a deep equilibrium network. A feed-forward network starts by Gaussian, Orthogonal, Kink or Cascade, or from {nameof(InitialNetwork)}.", nameof(Initialization)),
    };
}
