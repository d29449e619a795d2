using static TorchSharp.torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>What a second thread is worth in training, ours and libtorch's own.</summary>
internal static class TrainThreads
{
    private const int Size = 128, Threads = 2;

    public static void Run(Effort effort, Report report)
    {
        var problem = new Problem(Size, hard: false, 8 * Problem.BatchRows);
        using EngineSteps one = new(EngineSteps.Torch, problem, problem.Settings(new Picard())), two = new(EngineSteps.Torch, problem, problem.Settings(new Picard(), threads: Threads));
        Way single = new("TorchEngine, 1 thread", () => WithThreads(1, one)), both = new("TorchEngine, 2 threads", () => WithThreads(Threads, two));
        var rounds = Rounds.Measure(effort, single, both);
        set_num_threads(1);
        report.Figure("threads_libtorch_128", rounds.TimesFaster(both, single), "a training step of TorchEngine");
        Report.Table($"Threads, training step, {Size} states: microseconds, median (least to most)", ["way", "a step"], new[] { single, both }.Select(way => new[] { way.Name, $"{rounds.Microseconds(way)}" }));
    }

    /// <summary>libtorch has one number of threads for the thread that calls it.</summary>
    private static void WithThreads(int threads, EngineSteps steps)
    {
        set_num_threads(threads);
        steps.Step();
    }
}
