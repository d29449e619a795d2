using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Leaves units out at random in training and scales the others by 1 / (1 - probability), which keeps the mean (Srivastava et al. 2014).</summary>
/// <param name="probability">Of being left out, in [0, 1).</param>
/// <param name="seed">The training's.</param>
/// <param name="device">Where masks are drawn.</param>
internal sealed class Dropout(double probability, int seed, Device device) : IDisposable
{
    private readonly EpochRandom _random = new(seed, stream: 0, device);

    /// <summary>Draws from here on what follows from the seed and the epoch alone, so that a training that resumes draws the same.</summary>
    public void BeginEpoch(int epoch) => _random.BeginEpoch(epoch);

    /// <summary>A mask of the shape and type of some values, 0 or 1 / (1 - probability); null where nothing is left out.</summary>
    public Tensor? Mask(Tensor values)
    {
        if (probability == 0)
        {
            return null;
        }
        var keep = _random.Uniform(values).IsAtLeast(probability);
        return keep.to(values.dtype).MultiplyInPlace(1 / (1 - probability));
    }

    /// <summary>Writes mask * phi'(a), given mask * phi(a).</summary>
    public void Slope(Activation activation, Tensor activated, Tensor? mask, Tensor slope)
    {
        if (mask is null)
        {
            TensorModel.Slope(activation, activated, slope);
            return;
        }
        // The slope is that of the activation before it was scaled; where it was left out, the mask is zero.
        using var unscaled = activated.clone();
        TensorModel.Slope(activation, unscaled.MultiplyInPlace(1 - probability), slope);
        slope.mul_(mask);
    }

    public void Dispose() => _random.Dispose();
}
