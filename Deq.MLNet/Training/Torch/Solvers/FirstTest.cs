namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// When a solve is first tested, where a test waits for the device: one interval before the last solve ended, since the next batch takes about as long. As long as all goes well that makes two tests of a solve.
/// </summary>
internal sealed class FirstTest
{
    private (Tolerance Tolerance, int Iterations)? _last;

    /// <summary>The iteration of the first test; never before the first interval.</summary>
    public int Of(Tolerance tolerance, int every) => _last is { } last && last.Tolerance == tolerance ? Math.Max(every, last.Iterations - every) : every;

    /// <summary>Remembers where a solve ended, all of whose rows met their tolerance together.</summary>
    public void Ended(Tolerance tolerance, int iterations) => _last = (tolerance, iterations);

    /// <summary>Lets the next solve be tested from its first interval on.</summary>
    public void Forget() => _last = null;
}
