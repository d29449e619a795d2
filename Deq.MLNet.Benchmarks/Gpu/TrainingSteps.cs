using System.Diagnostics;
using System.Runtime.InteropServices;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>
/// Training steps of one size and batch after the other: samples a second in turn with the step's own products, with this library's engines on the CPU and with an eager PyTorch DEQ on the same device;
/// the parts of a step, each waited for, in steps of their own.
/// </summary>
internal sealed class TrainingSteps(MeasuredDevice device, Report report) : IDisposable
{
    private readonly PythonPeer? _peer = PythonPeer.Version is null ? null : new PythonPeer(Environment.ProcessorCount);
    private (double Reads, string Case) _most;

    /// <summary>Prints the tables of a case.</summary>
    public void Measure(Problem problem)
    {
        var name = $"{problem.Size} states, batch {problem.BatchRows}";
        var (steps, parts, peers) = (new List<string[]>(), new List<string[]>(), new List<string[]>());
        foreach (var precision in device.TimedPrecisions)
        {
            try
            {
                steps.AddRange(Steps(problem, precision, name));
                parts.Add(Parts(problem, precision));
                if (_peer is not null && precision != MatmulPrecision.BFloat16)
                {
                    peers.AddRange(Peers(problem, precision, _peer));
                }
            }
            catch (Exception e) when (e is DeviceMemoryException || e is ExternalException && e.Message.Contains("out of memory", StringComparison.Ordinal))
            {
                Console.WriteLine($"\n{name}, {precision}: {e.Message}");
            }
        }
        Report.Table($"Training step, {name}: medians (least to most)", ["way", "a step, ms", "samples a second", "iterations forward, adjoint", "reads of the device a batch", "host without waits, ms", "memory in use, MiB", "TFLOP/s", "the first, times faster"], steps);
        Report.Table($"Parts of a step, {name}: ms, medians", ["way", .. Enum.GetNames<StepPhase>().Select(part => part.ToLowerInvariant())], parts);
        if (peers.Count > 0)
        {
            Report.Table($"Epochs, {name}, against {PythonPeer.Version} on {device.Name}: samples a second", ["way", "samples a second", "iterations forward, adjoint", "this library, times faster"], peers);
        }
    }

    /// <summary>Reports the reads of the case that has most; what else is a figure was reported with its case.</summary>
    public void Conclude()
    {
        if (_peer is null)
        {
            Console.WriteLine("\nNo Python with PyTorch found (DEQ_PYTHON names one): not compared");
        }
        report.Figure("gpu_syncs_per_batch", _most.Reads, $"the most of all cases, float32: {_most.Case}");
    }

    public void Dispose() => _peer?.Dispose();

    private List<string[]> Steps(Problem problem, MatmulPrecision precision, string name)
    {
        var settings = MeasuredDevice.Settings(problem, precision);
        using var steps = new EngineSteps(device.Engine(), problem, settings);
        steps.Epoch();
        var (reads, host, metrics) = Count(steps, problem);
        if (precision == MatmulPrecision.Float32 && reads > _most.Reads)
        {
            _most = (reads, name);
        }
        using var products = new StepProducts(problem, device, precision, metrics.MeanIterations, metrics.MeanGradientIterations);
        var besides = precision == MatmulPrecision.Float32 && MeasuredDevice.Work(problem.Size, problem.BatchRows) <= MeasuredDevice.LargestOnCpu;
        using var simd = besides ? new EngineSteps(EngineSteps.Simd, problem, settings) : null;
        using var cpu = besides ? new EngineSteps(EngineSteps.Torch, problem, settings) : null;
        var own = new Way($"TorchEngine, {device.Name}, {precision}", steps.Step) { Finish = device.Synchronize };
        List<Way> ways = [own, products.Way];
        var others = new[] { ("SimdEngine", simd), ("TorchEngine, cpu", cpu) }.Where(other => other.Item2 is not null).ToDictionary(other => new Way(other.Item1, other.Item2!.Step), other => other.Item2!);
        ways.AddRange(others.Keys);
        var rounds = Rounds.Measure(device.Effort, ways);

        var suffix = $"{problem.Size}_{problem.BatchRows}{MeasuredDevice.Suffix(precision)}";
        report.Figure($"gpu_ceiling_share_{suffix}", rounds.TimesFaster(own, products.Way), Report.Text($"{Rate(products.Way):G3} TFLOP/s by the products alone, {Rate(own):G3} by the step"));
        report.Figure($"gpu_samples_per_second_{suffix}", SamplesPerSecond(own));
        return
        [
            Row(own, metrics, Report.Text($"{reads:F2}"), device.IsCuda ? Report.Text($"{host:G3}") : "", device.MemoryInUse() is { } mib ? Report.Text($"{mib:F0}") : "", Report.Text($"{Rate(own):G3}")),
            Row(products.Way, null, "", "", "", Report.Text($"{Rate(products.Way):G3}")),
            .. others.Select(other => Row(other.Key, other.Value.ReadMetrics(), "", "", "", "")),
        ];

        string[] Row(Way way, EngineMetrics? done, params string[] more) =>
            [way.Name, $"{rounds.Milliseconds(way)}", $"{SamplesPerSecond(way)}", done is { } m ? Report.Text($"{m.MeanIterations:F1}, {m.MeanGradientIterations:F1}") : "", .. more, $"{rounds.TimesFaster(own, way)}"];

        Spread SamplesPerSecond(Way way)
        {
            var ms = rounds.Milliseconds(way);
            return new Spread(1e3 * problem.BatchRows / ms.Median, 1e3 * problem.BatchRows / ms.Most, 1e3 * problem.BatchRows / ms.Least);
        }

        // The step, too, by the operations that it needs, in 10^12 a second.
        double Rate(Way way) => products.Operations / rounds.Microseconds(way).Median / 1e6;
    }

    /// <summary>Reads of the device, and milliseconds of the host without its waits in them, a batch, over an epoch; and the epoch's figures.</summary>
    private (double Reads, double Host, EngineMetrics Metrics) Count(EngineSteps steps, Problem problem)
    {
        steps.ReadMetrics();
        steps.Restart();
        device.Synchronize();
        var (reads, waited, start) = (DeviceReads.Count, DeviceReads.Waited, Stopwatch.GetTimestamp());
        steps.Epoch();
        var host = Stopwatch.GetElapsedTime(start) - (DeviceReads.Waited - waited);
        return ((double)(DeviceReads.Count - reads) / problem.BatchCount, host.TotalMilliseconds / problem.BatchCount, steps.ReadMetrics());
    }

    private string[] Parts(Problem problem, MatmulPrecision precision)
    {
        var clock = new PhaseClock(device.Synchronize);
        using var steps = new EngineSteps(device.Engine(place => place with { Probe = clock }), problem, MeasuredDevice.Settings(problem, precision));
        steps.Epoch();
        steps.Epoch();
        return [$"TorchEngine, {device.Name}, {precision}", .. Enum.GetValues<StepPhase>().Select(part => Report.Text($"{clock.Milliseconds(part):G3}"))];
    }

    private List<string[]> Peers(Problem problem, MatmulPrecision precision, PythonPeer peer)
    {
        // Both waits after every iteration and after every third are what one might write: the faster one is the opponent.
        var type = precision == MatmulPrecision.Float32 ? "float32" : "tf32";
        PeerVariant[] variants = [new("picard", 1, device.Name, type), new("picard", 3, device.Name, type)];
        try
        {
            using var steps = new EngineSteps(device.Engine(), problem, MeasuredDevice.Settings(problem, precision));
            var turns = PyTorch.InTurn(problem, steps, device.Synchronize, peer, variants, device.Effort, report, agreement: precision == MatmulPrecision.Float32 ? 1e-3 : 1e-2);
            var best = turns.Others.MaxBy(other => other.SamplesPerSecond.Median)!;
            report.Figure($"gpu_vs_pytorch_{problem.Size}_{problem.BatchRows}{MeasuredDevice.Suffix(precision)}", best.TimesFaster, $"against the faster of two, {best.Variant.Name}");
            return
            [
                [$"TorchEngine, {precision}", $"{turns.Own}", "", ""],
                .. turns.Others.Select(other => new[] { $"PyTorch DEQ, {precision}, {other.Variant.Name}", $"{other.SamplesPerSecond}", Report.Text($"{other.Last.ForwardIterations:F1}, {other.Last.AdjointIterations:F1}"), $"{other.TimesFaster}" }),
            ];
        }
        catch (InvalidOperationException e)
        {
            return [[$"PyTorch DEQ, {precision}", "failed", "", e.Message.ReplaceLineEndings(" ")]];
        }
        finally
        {
            peer.Forget();
        }
    }
}
