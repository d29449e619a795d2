using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd;

/// <summary>
/// Leaves units out at random in training and scales the others by 1 / (1 - probability), which keeps the mean (Srivastava et al. 2014). What is left out follows from the seed, the epoch, the place
/// of the row in the epoch, the layer and the unit alone: each has a number of its own (<see cref="SplitMix64"/>), so that blocks may be drawn in any order.
/// </summary>
/// <param name="probability">Of being left out, in [0, 1).</param>
/// <param name="seed">The training's.</param>
internal sealed class SimdDropout(double probability, int seed)
{
    private readonly float _kept = (float)(1 / (1 - probability));
    private readonly uint _threshold = (uint)Math.Min(uint.MaxValue, probability * 4294967296.0);
    private int _epoch;
    private long _first, _next;

    /// <summary>Whether anything is left out.</summary>
    public bool Active => probability > 0;

    public void BeginEpoch(int epoch) => (_epoch, _first, _next) = (epoch, 0, 0);

    /// <summary>Called by one thread before the masks of a batch are drawn: its rows come after those of the last one.</summary>
    public void BeginBatch(int rows) => (_first, _next) = (_next, _next + rows);

    /// <summary>Writes a mask, 0 or 1 / (1 - probability); rows of padding have that of the last row.</summary>
    /// <param name="layer">What tells masks of one layer from those of another, at least 0.</param>
    /// <param name="mask">Rows x units.</param>
    /// <param name="rows">The block.</param>
    public void Draw(int layer, PaddedMatrix mask, RowBlock rows)
    {
        var epoch = SplitMix64.Mix((ulong)(uint)seed << 32 | (uint)_epoch);
        for (var row = 0; row < rows.Count; row++)
        {
            var state = SplitMix64.Mix(epoch + SplitMix64.Mix((ulong)layer << 48 ^ (ulong)(_first + rows.First + row)));
            var units = mask[rows.First + row];
            for (var unit = 0; unit < units.Length; unit += 2)
            {
                var bits = SplitMix64.Mix(state += SplitMix64.Step);
                units[unit] = Value((uint)bits);
                if (unit + 1 < units.Length)
                {
                    units[unit + 1] = Value((uint)(bits >> 32));
                }
            }
        }
        for (var row = rows.Count; row < rows.Padded; row++)
        {
            mask[rows.First + rows.Count - 1].CopyTo(mask[rows.First + row]);
        }
    }

    /// <summary>0 below the threshold, without a branch, which nobody could foresee.</summary>
    private float Value(uint number) => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(_kept) & (int)~(((long)number - _threshold) >> 63));
}
