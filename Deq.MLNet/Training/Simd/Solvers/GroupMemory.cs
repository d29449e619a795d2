using System.Runtime.Intrinsics;
using Deq.MLNet.Numerics;

namespace Deq.MLNet.Training.Simd.Solvers;

/// <summary>What one thread needs to solve some groups of eight rows.</summary>
/// <param name="groups">How many.</param>
/// <param name="stride">From row to row.</param>
/// <param name="anderson">How iterates are mixed.</param>
/// <param name="sharesWeights">Whether the rows of a group have common weights, or each has its own.</param>
internal sealed unsafe class GroupMemory(int groups, int stride, Anderson anderson, bool sharesWeights)
{
    private readonly Mixing[]?[] _mixings = new Mixing[groups][];
    private readonly AlignedArray?[] _kept = new AlignedArray?[groups];

    public Group[] Groups { get; } = new Group[groups];

    public double[] RoundingErrors { get; } = new double[Tile.Rows];

    /// <summary>The product with M of one group and one panel.</summary>
    public AlignedArray Product { get; } = new(Tile.Rows * Tile.Columns);

    /// <summary>Of every group the sums of (f - z)^2 by row, a vector each, and after them those of f^2.</summary>
    public AlignedArray Sums { get; } = new(groups * 2 * Tile.Rows * Vector512<float>.Count);

    /// <summary>One for all rows of a group, or one for each.</summary>
    public Mixing[] MixingsOf(int group) => _mixings[group] ??= sharesWeights ? [New(Tile.Rows * stride)] : [.. Enumerable.Range(0, Tile.Rows).Select(_ => New(stride))];

    /// <summary>From now on the iterates of a group are mixed.</summary>
    public void BeginMixing(int group)
    {
        Groups[group].Mixes = true;
        foreach (var mixing in MixingsOf(group))
        {
            mixing.Begin();
        }
    }

    /// <summary>Keeps the iterate of a group and the map of it.</summary>
    public void Keep(int index)
    {
        ref var group = ref Groups[index];
        var length = Tile.Rows * stride;
        var kept = (_kept[index] ??= new AlignedArray(2 * length)).Span;
        new ReadOnlySpan<float>(group.Z, length).CopyTo(kept);
        new ReadOnlySpan<float>(group.F, length).CopyTo(kept[length..]);
    }

    /// <summary>Gives a group that was not solved the best iterate that was kept, and a row that is not finite the value that tells so.</summary>
    public void Finish(int index)
    {
        ref var group = ref Groups[index];
        var length = Tile.Rows * stride;
        if (group.KeptIsBetter)
        {
            _kept[index]!.Span[..length].CopyTo(new Span<float>(group.Z, length));
            _kept[index]!.Span[length..].CopyTo(new Span<float>(group.F, length));
            group.TakeKept();
        }
        for (var row = 0; group.Lost >> row != 0; row++)
        {
            if ((group.Lost >> row & 1) != 0)
            {
                new ReadOnlySpan<float>(group.F + row * stride, stride).CopyTo(new Span<float>(group.Z + row * stride, stride));
            }
        }
    }

    private Mixing New(int length) => new(anderson, length);
}
