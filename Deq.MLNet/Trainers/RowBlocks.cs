using System.Runtime.InteropServices;

namespace Deq.MLNet.Trainers;

/// <summary>
/// Rows of a number of values each, while nobody knows how many will come: blocks that grow without copying what they hold, of which one array is made at the end.
/// The blocks are native memory, gone as soon as they are copied; arrays would stay beside that array until the collector has a reason to look.
/// </summary>
/// <param name="columns">Values of a row.</param>
internal sealed unsafe class RowBlocks(int columns) : IDisposable
{
    /// <summary>Values of a block: as many as there are already, between these. From 32 MB on an allocator takes memory from the system, and gives it back, by itself.</summary>
    private const int Smallest = 1 << 12, Largest = 1 << 23;

    private readonly Queue<(nint Address, int Length)> _full = new();
    private (nint Address, int Length) _last;
    private int _used;

    /// <summary>Values added so far.</summary>
    public long Count { get; private set; }

    /// <summary>Room for another row, its content to be overwritten.</summary>
    public Span<float> Add()
    {
        if (_used == _last.Length)
        {
            if (_last.Length > 0)
            {
                _full.Enqueue(_last);
            }
            (_last, _used) = (default, 0);
            var length = checked(Math.Max(1, (int)Math.Clamp(Count, Smallest, Largest) / columns) * columns);
            _last = ((nint)NativeMemory.Alloc((nuint)length, sizeof(float)), length);
        }
        var row = new Span<float>((float*)_last.Address + _used, columns);
        _used += columns;
        Count += columns;
        return row;
    }

    /// <summary>Takes all rows out, in one array.</summary>
    public float[] TakeAll()
    {
        var all = GC.AllocateUninitializedArray<float>(checked((int)Count));
        var rest = all.AsSpan();
        while (_full.TryDequeue(out var block))
        {
            new Span<float>((float*)block.Address, block.Length).CopyTo(rest);
            rest = rest[block.Length..];
            NativeMemory.Free((void*)block.Address);
        }
        new Span<float>((float*)_last.Address, _used).CopyTo(rest);
        Dispose();
        return all;
    }

    public void Dispose()
    {
        while (_full.TryDequeue(out var block))
        {
            NativeMemory.Free((void*)block.Address);
        }
        NativeMemory.Free((void*)_last.Address);
        (_last, _used, Count) = (default, 0, 0);
    }
}
