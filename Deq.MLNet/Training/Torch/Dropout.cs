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

    /// <summary>What stayed, as it was before it was scaled.</summary>
    public Tensor Unscale(Tensor values) => values.clone().MultiplyInPlace(1 - probability);

    public void Dispose() => _random.Dispose();
}
