using System.Diagnostics;
using Deq.MLNet.Training;

namespace Deq.MLNet.Benchmarks;

/// <summary>Samples a second over an epoch: this library and a PyTorch DEQ in a process of its own, in turn. Both must have trained to the same loss.</summary>
internal static class PyTorch
{
    public static void Run(Effort effort, Report report, int samples)
    {
        if (PythonPeer.Version is not { } version)
        {
            Console.WriteLine("\nPyTorch not installed: not measured");
            return;
        }
        PeerVariant[] variants = [new("picard"), new("anderson")];
        var rows = new List<string[]>();
        using var peer = new PythonPeer(threads: 1);
        foreach (var size in new[] { 32, 128, 512 })
        {
            var problem = new Problem(size, hard: false, samples);
            var own = Variant.All(hard: false)[0];
            using var steps = new EngineSteps(own.Create, problem, own.SettingsOf(problem));
            var turns = InTurn(problem, steps, () => { }, peer, variants, effort with { Rounds = effort.IsQuick ? 1 : 5 }, report, agreement: 1e-3);
            rows.Add([$"{size}", $"{turns.Own}", .. turns.Others.Select(other => Report.Text($"{other.SamplesPerSecond}, {other.TimesFaster.Median:F1}"))]);
            report.Figure($"train_vs_pytorch_{size}", turns.Others[0].TimesFaster, Report.Text($"its plain iteration; its Anderson: {turns.Others[1].TimesFaster}"));
        }
        Report.Table($"Samples a second over an epoch, random, against {version}", ["states", "this library", .. variants.Select(variant => $"PyTorch DEQ, {variant.Name}, and times faster")], rows);
    }

    /// <summary>What epochs in turn gave.</summary>
    /// <param name="Own">Samples a second of this library.</param>
    /// <param name="OwnLast">Its last epoch.</param>
    /// <param name="Others">The peer's variants.</param>
    public sealed record Turns(Spread Own, EngineMetrics OwnLast, IReadOnlyList<Other> Others);

    /// <summary>A variant of the peer.</summary>
    /// <param name="Variant">Which.</param>
    /// <param name="SamplesPerSecond">Its own.</param>
    /// <param name="TimesFaster">This library's, in terms of them.</param>
    /// <param name="Last">Its last epoch.</param>
    public sealed record Other(PeerVariant Variant, Spread SamplesPerSecond, Spread TimesFaster, PythonPeer.Outcome Last);

    /// <summary>Trains on both sides in turn, epoch by epoch from the second on.</summary>
    /// <param name="problem">What both train.</param>
    /// <param name="steps">This library, before its first step.</param>
    /// <param name="finish">Waits for its device.</param>
    /// <param name="peer">The other.</param>
    /// <param name="variants">Its ways to train.</param>
    /// <param name="effort">Rounds at the most, and how long.</param>
    /// <param name="report">Told where the losses differ, or the peer stopped above the tolerance.</param>
    /// <param name="agreement">By how much of a loss they may.</param>
    /// <exception cref="InvalidOperationException">The peer cannot train that; the message says why.</exception>
    public static Turns InTurn(Problem problem, EngineSteps steps, Action finish, PythonPeer peer, IReadOnlyList<PeerVariant> variants, Effort effort, Report report, double agreement)
    {
        steps.Epoch();
        var (own, last, others) = (new List<double>(), default(EngineMetrics), variants.Select(_ => new List<PythonPeer.Outcome>()).ToArray());
        var total = Stopwatch.StartNew();
        for (var round = 0; effort.Allows(round, total.Elapsed); round++)
        {
            (var speed, last) = Epoch(problem, steps, finish);
            var loss = last.Training.Loss;
            own.Add(speed);
            for (var i = 0; i < variants.Count; i++)
            {
                var other = peer.Epoch(problem, variants[i]);
                others[i].Add(other);
                report.Check(Math.Abs(loss / other.Loss - 1) <= agreement, $"mean loss of epoch {round + 2} at size {problem.Size}, batch {problem.BatchRows}: {loss:G6} here, {other.Loss:G6} in PyTorch, {variants[i]}");
                // Its test is in float32, whose rounding may decide.
                report.Check(other.Residual <= Problem.Tolerance * (1 + 1e-5), $"residual of epoch {round + 2} at size {problem.Size}, batch {problem.BatchRows}: PyTorch, {variants[i]}, ended solves at {other.Residual:G3}, the tolerance is {Problem.Tolerance}");
            }
        }
        return new Turns(Spread.Of(own), last, [.. variants.Select((variant, i) =>
            new Other(variant, Spread.Of(others[i].Select(o => o.SamplesPerSecond)), Spread.Of(own.Zip(others[i], (a, b) => a / b.SamplesPerSecond)), others[i][^1]))]);
    }

    private static (double SamplesPerSecond, EngineMetrics Metrics) Epoch(Problem problem, EngineSteps steps, Action finish)
    {
        steps.ReadMetrics();
        steps.Restart();
        finish();
        var watch = Stopwatch.StartNew();
        steps.Epoch();
        finish();
        var seconds = watch.Elapsed.TotalSeconds;
        return (problem.Data.Rows / seconds, steps.ReadMetrics());
    }
}
