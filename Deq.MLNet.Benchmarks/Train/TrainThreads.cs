using static TorchSharp.torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>What a second thread is worth in training, ours and libtorch's own.</summary>
internal static class TrainThreads
{
    private const int Size = 128, Threads = 2;

    public static void Run(Effort effort, Report report)
    {
        var problem = new Problem(Size, hard: false, 8 * Problem.DefaultBatchRows);
        var rows = new List<string[]>();
        report.Figure("threads_train_128", Measure("SimdEngine", EngineSteps.Simd));
        report.Figure("threads_libtorch_128", Measure("TorchEngine", EngineSteps.Torch), "a training step of TorchEngine");
        set_num_threads(1);
        Report.Table($"A training step, {Size} states, random, plain iteration: microseconds, median (least to most)", ["way", "a step"], rows);

        Spread Measure(string name, CreateEngine create)
        {
            using EngineSteps one = new(create, problem, problem.Settings(new Picard())), two = new(create, problem, problem.Settings(new Picard(), threads: Threads));
            Way single = new($"{name}, 1 thread", () => WithThreads(1, one)), both = new($"{name}, {Threads} threads", () => WithThreads(Threads, two));
            var rounds = Rounds.Measure(effort, single, both);
            rows.AddRange(new[] { single, both }.Select(way => new[] { way.Name, $"{rounds.Microseconds(way)}" }));
            return rounds.TimesFaster(both, single);
        }
    }

    /// <summary>libtorch has one number of threads for the thread that calls it.</summary>
    private static void WithThreads(int threads, EngineSteps steps)
    {
        if (get_num_threads() != threads)
        {
            set_num_threads(threads);
        }
        steps.Step();
    }
}
