namespace Deq.MLNet.Numerics;

/// <summary>Floats that begin at a multiple of 64 bytes, so that no vector lies across two lines of the cache, and that never move; zero at first. Memory of the garbage collector: there is nothing to free.</summary>
internal sealed unsafe class AlignedArray
{
    private const int LineBytes = 64;

    /// <summary>By how much memory of any address must be longer, so that <see cref="AtLine"/> leaves enough.</summary>
    public const int Slack = LineBytes / sizeof(float) - 1;

    private readonly float[] _memory;
    private readonly int _start;

    public AlignedArray(int length)
    {
        _memory = GC.AllocateArray<float>(checked(length + LineBytes / sizeof(float)), pinned: true);
        fixed (float* first = _memory)
        {
            _start = (int)((LineBytes - (nint)first % LineBytes) % LineBytes / sizeof(float));
            Pointer = first + _start;
        }
        Length = length;
    }

    public int Length { get; }

    /// <summary>The first value; valid while this object is reachable.</summary>
    public float* Pointer { get; }

    public Span<float> Span => _memory.AsSpan(_start, Length);

    /// <summary>What follows of some memory from the next line of the cache on; to be taken once for each use. Should the garbage collector move the memory meanwhile, that use is slower and not wrong.</summary>
    public static Span<float> AtLine(Span<float> memory)
    {
        fixed (float* first = memory)
        {
            return memory[(int)(-(nint)first / sizeof(float) & Slack)..];
        }
    }
}
