using System.Diagnostics;
using System.Globalization;
using TorchSharp;

namespace Deq.MLNet.Benchmarks;

/// <summary>What a training step and scoring take of memory: each way in a process of its own, so that nothing freed by another stands ready.</summary>
internal static class Memory
{
    /// <summary>The name by which this program starts itself.</summary>
    public const string Child = "memory-child";

    private const int Calls = 5, ScoredRows = ManyRows.Count;

    private static readonly string[] Training = ["unrolled autograd", "unrolled autograd, tuned", "implicit by autograd", "TorchEngine", "SimdEngine"];
    private static readonly string[] Scoring = ["this library, row by row", "ONNX Runtime, 30 steps"];

    public static int Run(Effort effort)
    {
        Console.WriteLine(Machine.DescribeAll());
        var sizes = effort.IsQuick ? new[] { 32 } : [32, 128, 512];
        Table($"A training step on {Problem.DefaultBatchRows} rows, hard: up to {Problem.MaxIterations} iterations", Training, sizes, "a step");
        Table($"Scoring {ScoredRows} rows, random", Scoring, sizes, "all rows");
        return 0;
    }

    private static void Table(string title, string[] ways, int[] sizes, string what) =>
        Report.Table($"{title}: KiB", ["states", "way", "resident peak above the start", $"managed, allocated by {what}"],
            from size in sizes from way in ways let found = InChild(way, size) select new[] { $"{size}", way, found[0], found[1] });

    private static string[] InChild(string way, int size)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(Memory).Assembly.Location, Child, way, size.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output.Trim().Split(' ') : throw new InvalidOperationException($"Measuring the memory of '{way}' ended with {process.ExitCode}.");
    }

    /// <summary>Measures one way in this process, and prints two numbers.</summary>
    public static int RunChild(string way, int size)
    {
        torch.set_num_threads(1);
        // The code itself, libtorch's above all, is loaded by a problem so small that it leaves little behind.
        Make(way, 8).Run();
        var measured = Make(way, size);
        var growth = Growth(measured.Run);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        for (var i = 0; i < Calls; i++)
        {
            measured.Run();
        }
        var allocated = (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / Calls;
        Console.WriteLine(Report.Text($"{growth} {allocated / 1024:F1}"));
        return 0;
    }

    private static Way Make(string way, int size)
    {
        if (Scoring.Contains(way))
        {
            var scored = new Problem(size, hard: false, ScoredRows);
            var network = scored.Network(Score.Conditions);
            if (way == Scoring[0])
            {
                var scores = new float[ScoredRows];
                return new Way(way, () => Score.ScoreAll(network, scored.Data, scores, 1));
            }
            var session = new OrtScorer(network, Score.PlainSteps, ScoredRows, 1);
            scored.Data.Features.CopyTo(session.Features, 0);
            return new Way(way, session.Run);
        }
        var problem = new Problem(size, hard: true, Problem.DefaultBatchRows);
        TorchPeer? peer = Array.IndexOf(Training, way) switch
        {
            0 => new UnrolledPeer(problem, tuned: false),
            1 => new UnrolledPeer(problem, tuned: true),
            2 => new ImplicitPeer(problem),
            _ => null,
        };
        return new Way(way, peer is not null ? peer.Step : new EngineSteps(way == "SimdEngine" ? EngineSteps.Simd : EngineSteps.Torch, problem, problem.Settings(new Auto())).Step);
    }

    /// <summary>How far the resident memory rises above what it is at the start, in KiB; "not measured" where the system has no way to tell.</summary>
    private static string Growth(Action action)
    {
        if (!OperatingSystem.IsLinux())
        {
            action();
            return "not measured";
        }
        GC.Collect();
        GC.WaitForPendingFinalizers();
        // Makes the peak start anew: proc(5).
        File.WriteAllText("/proc/self/clear_refs", "5");
        var before = Kilobytes("VmRSS");
        action();
        return (Kilobytes("VmHWM") - before).ToString(CultureInfo.InvariantCulture);
    }

    private static long Kilobytes(string name) =>
        long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
