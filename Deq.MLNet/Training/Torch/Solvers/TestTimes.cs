namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// At which iterations solves are tested, where a test waits for the device: about where the last solve ended, since the next batch takes about as long. As long as all goes well that makes two tests
/// of a solve, and no iteration too many.
/// </summary>
internal sealed class TestTimes
{
    private (Tolerance Tolerance, int Iterations)? _last;
    private bool _goesByLast;
    private int _every, _first, _tests;

    /// <summary>How long before the last end the first test stands; longer where solves end at it.</summary>
    private int _ahead = 1;

    /// <summary>The iteration of a solve's first test.</summary>
    /// <param name="tolerance">A solve to another one tells nothing.</param>
    /// <param name="every">The iterations between two tests, where nothing is known.</param>
    public int First(Tolerance tolerance, int every)
    {
        (_every, _tests) = (every, 0);
        _goesByLast = _last?.Tolerance == tolerance;
        return _first = _goesByLast ? Math.Max(1, _last!.Value.Iterations - _ahead) : every;
    }

    /// <summary>That of the test after one that was not the last: soon after those near the last end, and then less and less often.</summary>
    public int Next(int iteration) => iteration + (_goesByLast ? Math.Clamp(_tests++, 1, _every) : _every);

    /// <summary>Remembers where a solve ended, all of whose rows met their tolerance together.</summary>
    public void Ended(Tolerance tolerance, int iterations)
    {
        _ahead = _goesByLast && iterations == _first ? Math.Min(_ahead + 1, _every) : 1;
        _last = (tolerance, iterations);
    }

    /// <summary>Lets the next solve be tested at equal intervals.</summary>
    public void Forget() => _last = null;
}
