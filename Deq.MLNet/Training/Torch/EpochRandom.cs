using System.Numerics;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>
/// Random numbers that follow from the seed of the training, the epoch and the draws before in it, so that a training that resumes draws the same; and on every device the same (normal ones up to rounding),
/// where TorchSharp's generators are of the CPU alone. Counter-based (Salmon et al. 2011): the number at (row, column) is a hash of its place and of two keys of the draw.
/// </summary>
/// <param name="seed">The training's.</param>
/// <param name="stream">What tells draws for one purpose from those for another.</param>
/// <param name="device">Where numbers are drawn.</param>
internal sealed class EpochRandom(int seed, int stream, Device device) : IDisposable
{
    private const int Bits = 32, BitsOfFloat32 = 24;

    /// <summary>Multipliers below 2^31 of a hash of 32 bits whose bias is small, found by search (hash-prospector): a product with 32 bits fits in the 63 of Int64.</summary>
    private readonly Tensor _first = Constant(0x21f0aaad, device), _second = Constant(0x735a2d97, device);

    private readonly Tensor _sixteen = Constant(16, device), _fifteen = Constant(15, device), _mask = Constant(uint.MaxValue, device), _excess = Constant(Bits - BitsOfFloat32, device);

    /// <summary>What tells the rows and the columns apart, by the number of columns.</summary>
    private readonly Dictionary<long, (Tensor Rows, Tensor Columns)> _places = [];
    private int _epoch;
    private long _draws;

    /// <summary>Draws from here on what follows from the seed and the epoch.</summary>
    public void BeginEpoch(int epoch) => (_epoch, _draws) = (epoch, 0);

    /// <summary>Uniform in [0, 1), multiples of 2^-24, of the shape (B x d) and type of some values.</summary>
    public Tensor Uniform(Tensor like)
    {
        var key = SplitMix64.Mix(SplitMix64.Mix((ulong)(uint)seed << 32 | (uint)_epoch, (ulong)stream), (ulong)_draws++);
        var (low, high) = ((long)(uint)key, (long)(key >> Bits));
        var x = Places(like.shape[0], like.shape[1]).AddWholeInPlace(low).bitwise_and_(_mask);
        Scramble(x, _sixteen, _first).AddWholeInPlace(high).bitwise_and_(_mask);
        Scramble(x, _fifteen, _second);
        x.bitwise_xor_(x.bitwise_right_shift(_fifteen)).bitwise_right_shift_(_excess);
        return x.to(like.dtype).MultiplyInPlace(1.0 / (1 << BitsOfFloat32));
    }

    /// <summary>Standard normal, of the shape (B x d) and type of some values (Box and Muller 1958).</summary>
    public Tensor Normal(Tensor like)
    {
        // 1 - u is above 0.
        var radius = Uniform(like).neg_().log1p_().MultiplyInPlace(-2).sqrt_();
        return Uniform(like).MultiplyInPlace(2 * Math.PI).cos_().mul_(radius);
    }

    public void Dispose()
    {
        foreach (var tensor in _places.Values.SelectMany(p => new[] { p.Rows, p.Columns }).Concat([_first, _second, _sixteen, _fifteen, _mask, _excess]))
        {
            tensor.Dispose();
        }
    }

    /// <summary>x &lt;- (x ^ x >> shift) * multiplier, in 32 bits.</summary>
    private Tensor Scramble(Tensor x, Tensor shift, Tensor multiplier) => x.bitwise_xor_(x.bitwise_right_shift(shift)).mul_(multiplier).bitwise_and_(_mask);

    /// <summary>A number for every place, those of a row in a row.</summary>
    private Tensor Places(long rows, long columns)
    {
        if (!_places.TryGetValue(columns, out var places) || places.Rows.shape[0] < rows)
        {
            places.Rows?.Dispose();
            places.Columns?.Dispose();
            _places[columns] = places = (Count(rows, (long)BitOperations.RoundUpToPowerOf2((ulong)columns)).unsqueeze_(1), Count(columns, 1));
        }
        return places.Rows.narrow(0, 0, rows).bitwise_or(places.Columns);
    }

    private Tensor Count(long count, long step)
    {
        var values = new long[count];
        for (var i = 0L; i < count; i++)
        {
            values[i] = i * step;
        }
        return Send(values, device);
    }

    private static Tensor Constant(long value, Device device) => Send([value], device);

    private static Tensor Send(long[] values, Device device)
    {
        using var host = tensor(values);
        return host.to(device).DetachFromDisposeScope();
    }
}
