using System.Runtime.ExceptionServices;

namespace Deq.MLNet.Samples.Lab;

/// <summary>The same run with several seeds.</summary>
internal static class Seeds
{
    /// <summary>What several that run at a time share.</summary>
    private static readonly SemaphoreSlim Processors = new(Environment.ProcessorCount);

    /// <summary>
    /// Runs seeds first, first + 1, ..., as many at a time as the machine has processors, and returns what they give in the order of the seeds.
    /// A training among them takes one thread (<c>Threads = 1</c>): so the results do not depend on how many processors there are. An error of a run is thrown as it is.
    /// </summary>
    public static T[] ForEach<T>(int first, int count, Func<int, T> run) => Together([.. Enumerable.Range(first, count)], seed =>
    {
        Processors.Wait();
        try
        {
            return run(seed);
        }
        finally
        {
            Processors.Release();
        }
    });

    /// <summary>Does the same for networks or targets, each of which runs its seeds: what the one leaves idle at its end the next one takes.</summary>
    public static TResult[] Together<T, TResult>(IReadOnlyList<T> all, Func<T, TResult> run)
    {
        var results = new TResult[all.Count];
        // One after another from a common list, not a share of them for each processor in advance: some take longer.
        var next = -1;
        try
        {
            Parallel.For(0, Math.Min(all.Count, Environment.ProcessorCount), (_, state) =>
            {
                for (var i = Interlocked.Increment(ref next); i < all.Count && !state.IsExceptional; i = Interlocked.Increment(ref next))
                    results[i] = run(all[i]);
            });
        }
        catch (AggregateException errors)
        {
            ExceptionDispatchInfo.Throw(errors.InnerExceptions[0]);
        }
        return results;
    }

    /// <summary>Takes a training that diverges for one that failed, whose errors are NaN and so the worst: no seed is dropped, and none ends the others.</summary>
    public static T Try<T>(Func<T> train, T failed)
    {
        try
        {
            return train();
        }
        catch (DivergenceException)
        {
            return failed;
        }
    }

    /// <summary>Which seeds these are, in words.</summary>
    public static string Told(int first, int count) => FormattableString.Invariant(count == 1 ? $"{first}" : (FormattableString)$"{first} to {first + count - 1}");

    /// <summary>How many, in words.</summary>
    public static string Counted(int count) => count == 1 ? "1 seed" : FormattableString.Invariant($"{count} seeds");
}
