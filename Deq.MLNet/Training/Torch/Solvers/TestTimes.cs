namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// At which iterations solves are tested, where a test waits for the device: about where the last solve could have ended, since the next batch takes about as long.
/// As long as all goes well that makes two tests of a solve, and no iteration too many.
/// </summary>
internal sealed class TestTimes
{
    /// <summary>A solve longer than this is tested half way too, for a state to be there should it come to nothing after.</summary>
    private const int Long = 20;

    /// <summary>What is taken for the rate of convergence before one was seen, and what one is taken for at the least and at the most.</summary>
    private const double FirstRate = 0.5, LeastRate = 0.1, LargestRate = 0.95;

    private (Tolerance Tolerance, int Needed)? _last;
    private double _rate = FirstRate;
    private bool _goesByLast;
    private int _every, _tests;

    /// <summary>The last test that was failed, with the largest residual there.</summary>
    private (int Iteration, double Residual)? _failed;

    /// <summary>The iteration of a solve's first test.</summary>
    /// <param name="tolerance">A solve to another one tells nothing.</param>
    /// <param name="every">The iterations between two tests, where nothing is known.</param>
    public int First(Tolerance tolerance, int every)
    {
        (_every, _tests, _failed) = (every, 0, null);
        _goesByLast = _last?.Tolerance == tolerance;
        return !_goesByLast ? every : Needed > Long ? Needed / 2 : Math.Max(1, Needed - 1);
    }

    private int Needed => _last!.Value.Needed;

    /// <summary>That of the test after one that was failed: soon after those near the iteration at which the last solve could have ended, and then less and less often.</summary>
    /// <param name="iteration">Of the test that was failed.</param>
    /// <param name="residual">The largest residual there.</param>
    public int Next(int iteration, double residual)
    {
        _failed = (iteration, residual);
        return !_goesByLast ? iteration + _every : iteration < Needed - 1 ? Needed - 1 : iteration + Math.Clamp(_tests++, 1, _every);
    }

    /// <summary>Remembers a solve all of whose rows met their tolerance together: by how far they met it, and the rate, it could have ended before.</summary>
    public void Ended(Tolerance tolerance, int iteration, double residual)
    {
        if (_failed is { } failed && residual > 0)
        {
            _rate = Math.Clamp(Math.Pow(residual / failed.Residual, 1.0 / (iteration - failed.Iteration)), LeastRate, LargestRate);
        }
        // Where nothing is left the residual is that of rounding, and tells no more.
        var early = residual > 0 ? Math.Log(tolerance.Relative / residual) / -Math.Log(_rate) : double.PositiveInfinity;
        _last = (tolerance, iteration - (int)Math.Min(early, iteration / 2));
    }

    /// <summary>Lets the next solve be tested at equal intervals.</summary>
    public void Forget() => (_last, _rate) = (null, FirstRate);
}
