namespace Deq.MLNet.Training.Simd;

/// <summary>Runs items on a fixed number of threads. Who runs which depends on timing; an item must not depend on another.</summary>
internal sealed class Workers(int threads)
{
    private readonly ParallelOptions _options = new() { MaxDegreeOfParallelism = threads };

    /// <summary>How many at the most run at the same time.</summary>
    public int Count { get; } = threads;

    /// <summary>Runs items from 0 up.</summary>
    public void Run(int items, Action<int> item)
    {
        if (Count == 1 || items == 1)
        {
            for (var i = 0; i < items; i++)
            {
                item(i);
            }
            return;
        }
        Parallel.For(0, items, _options, item);
    }
}
