using System.Diagnostics;

namespace Deq.MLNet.Benchmarks;

/// <summary>Times of two ways to do the same, measured in turn (A B A B ...), so that a busy moment of the machine hits both.</summary>
internal sealed record Rounds(double MedianA, double MedianB, double LeastRatio, double MedianRatio, double MostRatio)
{
    private const int Count = 15;

    /// <summary>The run time compiles hot code anew after a while: time for that before anything is measured.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    /// <summary>Runs both in turn; a ratio is B over A within one round: how many times faster A is.</summary>
    /// <param name="a">One way; called <paramref name="calls"/> times a round.</param>
    /// <param name="b">The other.</param>
    /// <param name="calls">Calls in one round, so many that a round takes milliseconds.</param>
    public static Rounds Measure(Action a, Action b, int calls)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < WarmUp;)
        {
            Time(a, calls);
            Time(b, calls);
        }
        var (timesA, timesB) = (new double[Count], new double[Count]);
        for (var round = 0; round < Count; round++)
        {
            (timesA[round], timesB[round]) = (Time(a, calls), Time(b, calls));
        }
        var ratios = timesA.Zip(timesB, (x, y) => y / x).Order().ToArray();
        return new Rounds(Median(timesA), Median(timesB), ratios[0], ratios[Count / 2], ratios[^1]);
    }

    private static double Time(Action action, int calls)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < calls; i++)
        {
            action();
        }
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / calls;
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);
}
