using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>libtorch's number of threads while an engine lives. It belongs to the thread that sets it, and is the default of threads to come: each engine restores, on its own thread, what the first of those alive at once found.</summary>
internal sealed class TorchThreads : IDisposable
{
    private static readonly Lock Gate = new();
    private static int _users, _before;

    /// <summary>Sets the number for the thread that trains.</summary>
    public TorchThreads(int threads)
    {
        lock (Gate)
        {
            if (_users == 0)
            {
                _before = get_num_threads();
            }
            set_num_threads(threads);
            _users++;
        }
    }

    public void Dispose()
    {
        lock (Gate)
        {
            _users--;
            set_num_threads(_before);
        }
    }
}
