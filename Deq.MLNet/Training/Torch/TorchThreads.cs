using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>libtorch's number of threads while engines live: it is the process's, so the last engine to go restores what the first one found.</summary>
internal sealed class TorchThreads : IDisposable
{
    private static readonly Lock Gate = new();
    private static int _users, _before;

    /// <summary>Sets the number for the thread that trains.</summary>
    public TorchThreads(int threads)
    {
        lock (Gate)
        {
            if (_users++ == 0)
            {
                _before = get_num_threads();
            }
            set_num_threads(threads);
        }
    }

    public void Dispose()
    {
        lock (Gate)
        {
            if (--_users == 0)
            {
                set_num_threads(_before);
            }
        }
    }
}
