using System.Diagnostics;
using System.Globalization;

namespace Deq.MLNet.Benchmarks;

/// <summary>How long is measured.</summary>
/// <param name="Rounds">How often every way has its turn.</param>
/// <param name="WarmUp">Before the first: the run time compiles hot code anew after a while.</param>
/// <param name="Turn">About how long a way runs in its turn, at least once.</param>
internal sealed record Effort(int Rounds, TimeSpan WarmUp, TimeSpan Turn)
{
    /// <summary>What a median wants at the least, however long it takes.</summary>
    private const int FewestRounds = 3;

    /// <summary>No round begins after so long, but some have been.</summary>
    public TimeSpan Most { get; init; } = TimeSpan.MaxValue;

    public static Effort Full { get; } = new(21, TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(40));

    /// <summary>Shows that everything runs; its times mean little.</summary>
    public static Effort Quick { get; } = new(3, TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(2));

    public bool IsQuick => this == Quick;

    /// <summary>Whether there shall be another round.</summary>
    /// <param name="round">Its number, from 0.</param>
    /// <param name="elapsed">Since the first began.</param>
    public bool Allows(int round, TimeSpan elapsed) => round < Rounds && (round < FewestRounds || elapsed < Most);
}

/// <summary>One of the ways to do the same.</summary>
/// <param name="Name">As tables show it.</param>
/// <param name="Run">Does it once.</param>
internal sealed record Way(string Name, Action Run)
{
    /// <summary>Called at the end of a turn, and timed with it: waits for what a device was only given. Null where nothing is left to wait for.</summary>
    public Action? Finish { get; init; }
}

/// <summary>The median of some values (of an even number, the mean of the two in the middle), with the least and the most.</summary>
internal readonly record struct Spread(double Median, double Least, double Most)
{
    public static Spread Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return new Spread((sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, sorted[0], sorted[^1]);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Text(Median)} ({Text(Least)} to {Text(Most)})");

    private static string Text(double value) => value.ToString(Math.Abs(value) >= 100 ? "F0" : "G3", CultureInfo.InvariantCulture);
}

/// <summary>Times of some ways to do the same, measured in turn (A B A B ...), so that a busy moment of the machine hits all.</summary>
internal sealed class Rounds
{
    private readonly Dictionary<Way, List<double>> _microseconds;

    private Rounds(Dictionary<Way, List<double>> microseconds) => _microseconds = microseconds;

    public static Rounds Measure(Effort effort, params IReadOnlyList<Way> ways)
    {
        var calls = ways.Select(way => CallsAfterWarmUp(effort, way)).ToArray();
        var times = ways.ToDictionary(way => way, _ => new List<double>());
        var watch = Stopwatch.StartNew();
        for (var round = 0; effort.Allows(round, watch.Elapsed); round++)
        {
            for (var i = 0; i < ways.Count; i++)
            {
                times[ways[i]].Add(Time(ways[i], calls[i]));
            }
        }
        return new Rounds(times);
    }

    /// <summary>Microseconds of one call.</summary>
    public Spread Microseconds(Way way) => Spread.Of(_microseconds[way]);

    /// <summary>Milliseconds of one call.</summary>
    public Spread Milliseconds(Way way) => Spread.Of(_microseconds[way].Select(us => us / 1e3));

    /// <summary>How many times faster one way is than another, within each round.</summary>
    public Spread TimesFaster(Way way, Way than) => Spread.Of(_microseconds[way].Zip(_microseconds[than], (own, other) => other / own));

    /// <summary>Microseconds that one way takes longer than another, within each round.</summary>
    public Spread Difference(Way way, Way than) => Spread.Of(_microseconds[way].Zip(_microseconds[than], (own, other) => own - other));

    private static int CallsAfterWarmUp(Effort effort, Way way)
    {
        var (calls, took) = (0, Time(way, 1));
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < effort.WarmUp;)
        {
            calls = Math.Max(1, calls + calls / 2);
            took = Time(way, calls);
            // A turn's worth is enough to go by; more calls in one go would outlast the warm-up.
            calls = took * calls > effort.Turn.TotalMicroseconds ? Math.Max(1, (int)(effort.Turn.TotalMicroseconds / took)) : calls + 1;
        }
        return Math.Max(1, (int)(effort.Turn.TotalMicroseconds / took));
    }

    private static double Time(Way way, int calls)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < calls; i++)
        {
            way.Run();
        }
        way.Finish?.Invoke();
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / calls;
    }
}
