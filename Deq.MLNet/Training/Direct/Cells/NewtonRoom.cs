using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Direct.Cells;

/// <summary>
/// The room of one block of rows for Newton's method: the factors of I - D W for given slopes D. Where phi is made of straight lines many rows have the same slopes, so that factors are kept by them;
/// they are those of one W, until <see cref="Clear"/>.
/// </summary>
/// <param name="size">d.</param>
/// <param name="keeps">Whether phi is made of straight lines.</param>
/// <param name="blocks">Blocks that have a room each at the same time.</param>
internal sealed class NewtonRoom(int size, bool keeps, int blocks)
{
    /// <summary>Factors that are kept at the most, in values: 8 MiB of a block, 256 MiB of all; of every block one.</summary>
    private const int MostValues = 1 << 20, MostValuesOfAll = 1 << 25;

    private readonly int _most = (int)Math.Max(1, Math.Min(MostValues, MostValuesOfAll / blocks) / ((long)size * size));
    private readonly Dictionary<Pattern, Factors> _kept = [];
    private readonly Stack<Factors> _spare = [];
    private readonly Factors _single = new(size);

    public double[] U { get; } = new double[size];

    public double[] Z { get; } = new double[size];

    public double[] Sums { get; } = new double[size];

    public double[] Slopes { get; } = new double[size];

    public double[] Step { get; } = new double[size];

    /// <summary>Forgets the factors of another W.</summary>
    public void Clear()
    {
        foreach (var factors in _kept.Values)
        {
            _spare.Push(factors);
        }
        _kept.Clear();
    }

    /// <summary>The factors of I - D W with the slopes that stand in <see cref="Slopes"/>; null where it is singular.</summary>
    public Factors? FactorsOf(ReadOnlySpan<double> w)
    {
        if (!keeps)
        {
            return _single.Compute(w, Slopes) ? _single : null;
        }
        var pattern = Pattern.Of(Slopes);
        if (!_kept.TryGetValue(pattern, out var factors))
        {
            if (_kept.Count >= _most)
            {
                Clear();
            }
            _kept[pattern] = factors = _spare.TryPop(out var spare) ? spare : new Factors(size);
            factors.Compute(w, Slopes);
        }
        return factors.IsRegular ? factors : null;
    }

    /// <summary>I - D W, factored.</summary>
    public sealed class Factors(int size)
    {
        private readonly double[] _lu = new double[size * size];
        private readonly int[] _pivots = new int[size];

        public bool IsRegular { get; private set; }

        public bool Compute(ReadOnlySpan<double> w, ReadOnlySpan<double> slopes)
        {
            for (var i = 0; i < size; i++)
            {
                var row = _lu.AsSpan(i * size, size);
                TensorPrimitives.Multiply(w.Slice(i * size, size), -slopes[i], row);
                row[i] += 1;
            }
            return IsRegular = Lu.Factor(_lu, _pivots);
        }

        public void Solve(Span<double> b) => Lu.Solve(_lu, _pivots, b);

        public void SolveTransposed(Span<double> b) => Lu.SolveTransposed(_lu, _pivots, b);
    }

    /// <summary>Which slopes are 1, in bits: the others are all the same.</summary>
    private readonly struct Pattern(ulong[] bits) : IEquatable<Pattern>
    {
        private readonly ulong[] _bits = bits;

        public static Pattern Of(ReadOnlySpan<double> slopes)
        {
            var bits = new ulong[(slopes.Length + 63) / 64];
            for (var i = 0; i < slopes.Length; i++)
            {
                bits[i / 64] |= slopes[i] == 1 ? 1UL << i : 0;
            }
            return new Pattern(bits);
        }

        public bool Equals(Pattern other) => _bits.AsSpan().SequenceEqual(other._bits);

        public override bool Equals(object? obj) => obj is Pattern other && Equals(other);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.AddBytes(MemoryMarshal.AsBytes(_bits.AsSpan()));
            return hash.ToHashCode();
        }
    }
}
