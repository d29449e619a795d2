using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Deq.MLNet.Training;

/// <summary>
/// Runs items on a fixed number of threads: the caller's and its own, which look for work a short while before they sleep, since that of a step comes in quick succession.
/// Who runs which item depends on timing; an item must not depend on another. One thread at a time may call.
/// </summary>
internal sealed class Workers : IDisposable
{
    /// <summary>How long an idle thread looks for work before it sleeps: about what one thread does between the parts of a step.</summary>
    private static readonly long LookingTicks = Stopwatch.Frequency / 20_000;

    private readonly Thread[] _threads;
    private readonly object _gate = new();
    private volatile Work _work = new(0, _ => { });
    private volatile bool _closed;

    /// <param name="threads">At least 1.</param>
    public Workers(int threads)
    {
        Count = threads;
        _threads = new Thread[threads - 1];
        for (var i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Serve) { IsBackground = true, Name = $"Deq.MLNet training {i + 1}" };
            _threads[i].Start();
        }
    }

    /// <summary>How many at the most run at the same time.</summary>
    public int Count { get; }

    /// <summary>Runs items from 0 up. An exception in one of them reaches the caller as it is: that of the lowest item where several failed.</summary>
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
        var work = new Work(items, item);
        lock (_gate)
        {
            _work = work;
            Monitor.PulseAll(_gate);
        }
        work.RunItems();
        work.Wait();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
        foreach (var thread in _threads)
        {
            thread.Join();
        }
    }

    private void Serve()
    {
        var last = _work;
        while (!_closed)
        {
            var start = Stopwatch.GetTimestamp();
            while (_work == last && !_closed && Stopwatch.GetTimestamp() - start < LookingTicks)
            {
                Thread.SpinWait(4);
            }
            lock (_gate)
            {
                while (_work == last && !_closed)
                {
                    Monitor.Wait(_gate);
                }
                last = _work;
            }
            last.RunItems();
        }
    }

    /// <summary>The items of one call. A thread that comes late finds none left in it.</summary>
    private sealed class Work(int items, Action<int> item)
    {
        private readonly Lock _gate = new();
        private int _next, _done, _failedItem = int.MaxValue;
        private ExceptionDispatchInfo? _failure;

        public void RunItems()
        {
            for (int i; (i = Interlocked.Increment(ref _next) - 1) < items;)
            {
                try
                {
                    item(i);
                }
                catch (Exception exception)
                {
                    Keep(i, exception);
                }
                Interlocked.Increment(ref _done);
            }
        }

        public void Wait()
        {
            var spin = new SpinWait();
            while (Volatile.Read(ref _done) < items)
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }
            _failure?.Throw();
        }

        private void Keep(int failed, Exception exception)
        {
            lock (_gate)
            {
                if (failed < _failedItem)
                {
                    (_failedItem, _failure) = (failed, ExceptionDispatchInfo.Capture(exception));
                }
            }
        }
    }
}
