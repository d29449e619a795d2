using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>After how many iterations a solve should be tested: a test waits for the device and costs operations, iterations past the solution cost products.</summary>
internal static class TestIntervals
{
    private static readonly int[] Intervals = [1, 2, 3, 4, 6, 8];

    public static void Measure(Problem problem, MeasuredDevice device, Report report)
    {
        var settings = MeasuredDevice.Settings(problem);
        var ways = Intervals.Select(every =>
        {
            var steps = new EngineSteps(device.Engine(place => place with { TestEvery = every }), problem, settings);
            return (Every: every, Steps: steps, Way: new Way($"{every}", steps.Step) { Finish = device.Synchronize });
        }).ToList();
        var rounds = Rounds.Measure(device.Effort, [.. ways.Select(w => w.Way)]);
        Report.Table($"Iterations between two tests while nothing is known of how long solves take (the first of each epoch; others are tested about where the last one ended), {problem.Size} states, batch {problem.BatchRows}, {problem.BatchCount} batches an epoch: ms a step, median (least to most)", ["iterations", "a step", "iterations forward, adjoint", "reads of the device a batch"], ways.Select(w =>
        {
            w.Steps.ReadMetrics();
            var reads = DeviceReads.Count;
            w.Steps.Epoch();
            reads = DeviceReads.Count - reads;
            var metrics = w.Steps.ReadMetrics();
            return new[] { w.Way.Name, $"{rounds.Milliseconds(w.Way)}", Report.Text($"{metrics.MeanIterations:F1}, {metrics.MeanGradientIterations:F1}"), Report.Text($"{(double)reads / problem.BatchCount:F2}") };
        }));
        report.Figure($"gpu_best_test_interval_{problem.Size}_{problem.BatchRows}", ways.MinBy(w => rounds.Microseconds(w.Way).Median).Every, "iterations, while nothing is known of how long solves take");
        ways.ForEach(w => w.Steps.Dispose());
    }
}
