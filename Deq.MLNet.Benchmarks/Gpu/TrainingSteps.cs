using System.Diagnostics;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>
/// Training steps of one size and batch after the other: samples a second in turn with the step's own products, with this library's engines on the CPU and with an eager PyTorch DEQ on the same device;
/// the parts of a step, each waited for, in steps of their own.
/// </summary>
internal sealed class TrainingSteps : IDisposable
{
    /// <summary>Steps of an epoch at the least, where epochs are not compared with others': the first solves of each are tested as if nothing were known, which in few would count for much.</summary>
    private const int FewestSteps = 16;

    private readonly MeasuredDevice _device;
    private readonly Report _report;
    private readonly PythonPeer? _peer;

    /// <summary>Why there is no peer; null where there is one.</summary>
    private readonly string? _noPeer;

    private (double Reads, int Steps, string Case) _most;

    public TrainingSteps(MeasuredDevice device, Report report)
    {
        (_device, _report) = (device, report);
        PythonPeer? peer = null;
        _noPeer = PythonPeer.Version is null ? "no Python with PyTorch found (DEQ_PYTHON names one)" : report.Try("PyTorch", () => peer = new PythonPeer(Environment.ProcessorCount));
        _peer = peer;
    }

    /// <summary>Prints the tables of a case.</summary>
    public void Measure(Problem problem)
    {
        var name = $"{problem.Size} states, batch {problem.BatchRows}";
        var (steps, parts, peers) = (new List<string[]>(), new List<string[]>(), new List<string[]>());
        foreach (var precision in _device.TimedPrecisions)
        {
            _report.Try($"{name}, {precision}", () =>
            {
                steps.AddRange(Steps(problem, precision, name));
                parts.Add(Parts(problem, precision));
            });
            // The peer has no bfloat16.
            if (precision != MatmulPrecision.BFloat16)
            {
                var broken = _noPeer ?? _report.Try($"PyTorch, {name}, {precision}", () => peers.AddRange(Peers(problem, precision, _peer!)));
                if (broken is not null)
                {
                    peers.Add([$"PyTorch DEQ, {precision}", "not compared", "", broken]);
                }
            }
        }
        Report.Table($"Training step, {name}: medians (least to most)", ["way", "a step, ms", "samples a second", "iterations forward, adjoint", "reads of the device a batch", "host without waits, ms", "memory in use, MiB", "TFLOP/s", "the first, times faster"], steps);
        Report.Table($"Parts of a step, {name}: ms, medians", ["way", .. Enum.GetNames<StepPhase>().Select(part => part.ToLowerInvariant())], parts);
        Report.Table($"Epochs of {problem.BatchCount} batches, {name}, against eager {PythonPeer.Version ?? "PyTorch"} on {_device.Name}, which ends a solve by the norm of the whole batch, this library by every row's: samples a second, median (least to most)",
            ["way", "samples a second", "iterations forward, adjoint", "this library, times faster"], peers);
    }

    /// <summary>Reports the reads of the case that has most; what else is a figure was reported with its case.</summary>
    public void Conclude()
    {
        if (_most.Steps > 0)
        {
            _report.Figure("gpu_syncs_per_batch", _most.Reads, $"the most of all cases, float32, over an epoch of {_most.Steps} batches: {_most.Case}");
        }
    }

    public void Dispose() => _peer?.Dispose();

    private List<string[]> Steps(Problem problem, MatmulPrecision precision, string name)
    {
        var settings = MeasuredDevice.Settings(problem, precision);
        EngineSteps Engine(CreateEngine create) => new(create, problem, settings) { EpochSteps = Math.Max(FewestSteps, problem.BatchCount) };
        using var steps = Engine(_device.Engine());
        steps.Epoch();
        var (reads, host, metrics) = Count(steps);
        if (precision == MatmulPrecision.Float32 && reads > _most.Reads)
        {
            _most = (reads, steps.EpochSteps, name);
        }
        using var products = precision == MatmulPrecision.BFloat16 ? null : new StepProducts(problem, _device, precision, metrics.MeanIterations, metrics.MeanGradientIterations);
        var besides = precision == MatmulPrecision.Float32;
        var fits = MeasuredDevice.Work(problem.Size, problem.BatchRows) <= MeasuredDevice.LargestOnCpu;
        using var simd = besides && fits ? Engine(EngineSteps.Simd) : null;
        using var cpu = besides && fits ? Engine(EngineSteps.Torch) : null;
        var own = new Way($"TorchEngine, {_device.Name}, {precision}", steps.Step) { Finish = _device.Synchronize };
        var others = new[] { ("SimdEngine", simd), ("TorchEngine, cpu", cpu) }.Where(other => other.Item2 is not null).ToDictionary(other => new Way(other.Item1, other.Item2!.Step), other => other.Item2!);
        var rounds = Rounds.Measure(_device.Effort, products is null ? [own] : [own, products.Way, .. others.Keys]);

        var suffix = $"{problem.Size}_{problem.BatchRows}{MeasuredDevice.Suffix(precision)}";
        _report.Figure($"gpu_samples_per_second_{suffix}", SamplesPerSecond(own));
        List<string[]> rows = [Row(own, metrics, Report.Text($"{reads:F2}"), _device.IsCuda ? Report.Text($"{host:G3}") : "", _device.MemoryInUse() is { } mib ? Report.Text($"{mib:F0}") : "", Rate(own))];
        if (products is not null)
        {
            _report.Figure($"gpu_ceiling_share_{suffix}", rounds.TimesFaster(own, products.Way), $"{Rate(products.Way)} TFLOP/s by the products alone, {Rate(own)} by the step");
            rows.Add(Row(products.Way, null, "", "", "", Rate(products.Way)));
        }
        rows.AddRange(others.Select(other => Row(other.Key, other.Value.ReadMetrics(), "", "", "", "")));
        if (besides && !fits)
        {
            rows.Add(["SimdEngine; TorchEngine, cpu", "left out: a step takes too long", "", "", "", "", "", "", ""]);
        }
        return rows;

        string[] Row(Way way, EngineMetrics? done, params string[] more) =>
            [way.Name, $"{rounds.Milliseconds(way)}", $"{SamplesPerSecond(way)}", done is { } m ? Report.Text($"{m.MeanIterations:F1}, {m.MeanGradientIterations:F1}") : "", .. more, $"{rounds.TimesFaster(own, way)}"];

        Spread SamplesPerSecond(Way way)
        {
            var ms = rounds.Milliseconds(way);
            return new Spread(1e3 * problem.BatchRows / ms.Median, 1e3 * problem.BatchRows / ms.Most, 1e3 * problem.BatchRows / ms.Least);
        }

        // The step, too, by the operations that it needs, in 10^12 a second.
        string Rate(Way way) => products is null ? "" : Report.Text($"{products.Operations / rounds.Microseconds(way).Median / 1e6:G3}");
    }

    /// <summary>Reads of the device, and milliseconds of the host without its waits in them, a batch, over an epoch; and the epoch's figures.</summary>
    private (double Reads, double Host, EngineMetrics Metrics) Count(EngineSteps steps)
    {
        steps.ReadMetrics();
        steps.Restart();
        _device.Synchronize();
        var (reads, waited, start) = (DeviceReads.Count, DeviceReads.Waited, Stopwatch.GetTimestamp());
        steps.Epoch();
        var host = Stopwatch.GetElapsedTime(start) - (DeviceReads.Waited - waited);
        return ((double)(DeviceReads.Count - reads) / steps.EpochSteps, host.TotalMilliseconds / steps.EpochSteps, steps.ReadMetrics());
    }

    private string[] Parts(Problem problem, MatmulPrecision precision)
    {
        var clock = new PhaseClock(_device.Synchronize);
        using var steps = new EngineSteps(_device.Engine(place => place with { Probe = clock }), problem, MeasuredDevice.Settings(problem, precision));
        steps.Epoch();
        steps.Epoch();
        return [$"TorchEngine, {_device.Name}, {precision}", .. Enum.GetValues<StepPhase>().Select(part => Report.Text($"{clock.Milliseconds(part):G3}"))];
    }

    private List<string[]> Peers(Problem problem, MatmulPrecision precision, PythonPeer peer)
    {
        // Both waits after every iteration and after every third are what one might write: the faster one is the opponent.
        var type = precision == MatmulPrecision.Float32 ? "float32" : "tf32";
        PeerVariant[] variants = [new("picard", 1, _device.Name, type), new("picard", 3, _device.Name, type)];
        try
        {
            using var steps = new EngineSteps(_device.Engine(), problem, MeasuredDevice.Settings(problem, precision));
            var turns = PyTorch.InTurn(problem, steps, _device.Synchronize, peer, variants, _device.Effort, _report, agreement: precision == MatmulPrecision.Float32 ? 1e-3 : 1e-2);
            var best = turns.Others.MaxBy(other => other.SamplesPerSecond.Median)!;
            _report.Figure($"gpu_vs_pytorch_{problem.Size}_{problem.BatchRows}{MeasuredDevice.Suffix(precision)}", best.TimesFaster, $"against the faster of two, {best.Variant.Name}");
            return
            [
                [$"TorchEngine, {precision}", $"{turns.Own}", Report.Text($"{turns.OwnLast.MeanIterations:F1}, {turns.OwnLast.MeanGradientIterations:F1}"), ""],
                .. turns.Others.Select(other => new[] { $"PyTorch DEQ, {precision}, {other.Variant.Name}", $"{other.SamplesPerSecond}", Report.Text($"{other.Last.ForwardIterations:F1}, {other.Last.AdjointIterations:F1}"), $"{other.TimesFaster}" }),
            ];
        }
        finally
        {
            peer.Forget();
        }
    }
}
