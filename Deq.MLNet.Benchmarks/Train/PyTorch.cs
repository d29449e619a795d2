using System.Diagnostics;

namespace Deq.MLNet.Benchmarks;

/// <summary>Samples a second over the second of two epochs: this library's default and a PyTorch DEQ in a process of its own, in turn. Both must have trained to the same loss.</summary>
internal static class PyTorch
{
    public static void Run(Effort effort, Report report, int samples)
    {
        if (PythonPeer.Describe() is not { } version)
        {
            Console.WriteLine("\nPyTorch not installed: not measured");
            return;
        }
        string[] solvers = ["picard", "anderson"];
        var rows = new List<string[]>();
        foreach (var size in new[] { 32, 128, 512 })
        {
            var problem = new Problem(size, hard: false, samples);
            using var peer = new PythonPeer(problem);
            var (own, others) = (new List<double>(), solvers.ToDictionary(solver => solver, _ => new List<double>()));
            for (var round = 0; round < (effort.IsQuick ? 1 : 5); round++)
            {
                var (speed, loss) = SecondEpoch(problem, Variant.All(hard: false)[0]);
                own.Add(speed);
                foreach (var (solver, speeds) in others)
                {
                    var other = peer.Run(solver);
                    speeds.Add(other.SamplesPerSecond);
                    report.Check(Math.Abs(loss / other.Loss - 1) <= 1e-3, $"mean loss of the second epoch at size {size}: {loss:G6} here, {other.Loss:G6} in PyTorch, {solver}");
                }
            }
            var ratios = solvers.Select(solver => Spread.Of(own.Zip(others[solver], (a, b) => a / b))).ToList();
            rows.Add([$"{size}", $"{Spread.Of(own)}", .. solvers.Select((solver, i) => $"{Spread.Of(others[solver])}, {ratios[i].Median:F1}")]);
            report.Figure($"train_vs_pytorch_{size}", ratios[0], Report.Text($"its plain iteration; its Anderson: {ratios[1]}"));
        }
        Report.Table($"Samples a second over an epoch, random, against {version}", ["states", "this library", .. solvers.Select(solver => $"PyTorch DEQ, {solver}, and times faster")], rows);
    }

    private static (double SamplesPerSecond, double Loss) SecondEpoch(Problem problem, Variant variant)
    {
        using var steps = new EngineSteps(variant.Create, problem, variant.SettingsOf(problem));
        steps.Epoch();
        steps.ReadMetrics();
        var watch = Stopwatch.StartNew();
        steps.Epoch();
        var loss = steps.ReadMetrics().Training.Loss;
        return (problem.Data.Rows / watch.Elapsed.TotalSeconds, loss);
    }
}
