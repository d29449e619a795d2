using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Random numbers on a device that follow from the seed of the training and the epoch alone, so that a training that resumes draws the same.</summary>
/// <param name="seed">The training's.</param>
/// <param name="stream">What tells draws for one purpose from those for another.</param>
/// <param name="device">Where numbers are drawn.</param>
internal sealed class EpochRandom(int seed, int stream, Device device) : IDisposable
{
    private readonly Generator _generator = new(Mix(seed, 0, stream), device);

    /// <summary>Draws from here on what follows from the seed and the epoch.</summary>
    public void BeginEpoch(int epoch) => _generator.manual_seed((long)Mix(seed, epoch, stream));

    /// <summary>Uniform in [0, 1), of the shape and type of some values.</summary>
    public Tensor Uniform(Tensor like) => rand(like.shape, like.dtype, like.device, generator: _generator);

    /// <summary>Standard normal, of the shape and type of some values.</summary>
    public Tensor Normal(Tensor like) => randn(like.shape, like.dtype, like.device, generator: _generator);

    public void Dispose() => _generator.Dispose();

    /// <summary>One number of all three (the finalizer of SplitMix64, Steele et al. 2014): the CPU's generator takes the lower half alone.</summary>
    private static ulong Mix(int seed, int epoch, int stream)
    {
        var x = ((ulong)(uint)seed << 32 | (uint)epoch) + (ulong)stream * 0x9E3779B97F4A7C15;
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
        x = (x ^ x >> 27) * 0x94D049BB133111EB;
        return x ^ x >> 31;
    }
}
