namespace Deq.MLNet.Benchmarks;

/// <summary>Steps of training, one thread each: this library's engines against libtorch's autograd and against a PyTorch DEQ, and the share of the time that the products of the iterations need.</summary>
internal static class Train
{
    /// <summary>64 batches: what a row's last solution says is 64 steps old where a solve starts from it.</summary>
    private const int Rows = 64 * Problem.DefaultBatchRows;

    /// <summary>Up to this size gradients are compared with float64's; the reference takes minutes beyond.</summary>
    private const int MostReferenced = 128;

    public static int Run(Effort effort)
    {
        TorchBackend.EnsureAvailable("cpu");
        TorchSharp.torch.set_num_threads(1);
        Console.WriteLine(Machine.DescribeAll());
        var report = new Report();
        foreach (var (size, hard) in new[] { (32, false), (128, false), (512, false), (32, true), (128, true) })
        {
            Steps(new Problem(size, hard, effort.IsQuick ? 2 * Problem.DefaultBatchRows : Rows), effort, report);
        }
        PyTorch.Run(effort, report, effort.IsQuick ? 2 * Problem.DefaultBatchRows : Rows);
        TrainThreads.Run(effort, report);
        Tabular.Run(effort);
        return report.Finish();
    }

    private static void Steps(Problem problem, Effort effort, Report report)
    {
        using UnrolledPeer unrolled = new(problem, tuned: false), tuned = new(problem, tuned: true);
        using var peer = new ImplicitPeer(problem);
        using var floor = new GemmFloor(problem);
        report.Check(floor.Difference() <= 1e-4 * Math.Sqrt(problem.Size), $"products of two kernels at size {problem.Size}: {floor.Difference():G3}");
        var peers = new (Way Way, TorchPeer Peer)[]
        {
            (new("libtorch, unrolled autograd", unrolled.Step), unrolled),
            (new("libtorch, unrolled autograd, tuned", tuned.Step), tuned),
            (new("libtorch, implicit by autograd", peer.Step), peer),
        };
        // Before they train.
        var exact = problem.Size <= MostReferenced ? problem.Reference() : ((double Loss, double[] Gradient)?)null;
        var errors = peers.ToDictionary(p => p.Way, p => Agree(p.Way.Name, p.Peer.Differentiate()));
        var engines = Variant.All(problem.IsHard).Select(variant => (Variant: variant, Steps: new EngineSteps(variant.Create, problem, variant.SettingsOf(problem)))).ToList();
        var ours = engines.ToDictionary(e => new Way(e.Variant.Name, e.Steps.Step), e => e);
        foreach (var (way, (variant, _)) in ours)
        {
            errors[way] = Agree(variant.Name, EngineSteps.Differentiate(variant.Create, problem, variant.SettingsOf(problem)));
        }

        Way[] ways = [.. ours.Keys, .. peers.Select(p => p.Way), floor.Torch, floor.Own];
        var rounds = Rounds.Measure(effort, ways);
        // Where plain iteration is slow, the best that mixing and warm starts do; else what is done unasked.
        var figure = problem.IsHard ? ours.Keys.MinBy(way => rounds.Microseconds(way).Median)! : ours.Keys.First();
        report.Figure($"train_vs_unrolled_{problem.Size}_{problem.Kind}", rounds.TimesFaster(figure, peers[0].Way), Report.Text($"{figure.Name}; against the tuned one {rounds.TimesFaster(figure, peers[1].Way)}"));
        var iterations = ours.ToDictionary(e => e.Key, e => (e.Value.Steps.Steps, Metrics: e.Value.Steps.ReadMetrics()));
        if (!problem.IsHard)
        {
            var (steps, metrics) = iterations[figure];
            // From zero the first iteration of either solve needs no product.
            var products = (double)metrics.RowIterations / steps / problem.BatchRows - 2;
            var gemm = rounds.Microseconds(floor.Own).Median <= rounds.Microseconds(floor.Torch).Median ? floor.Own : floor.Torch;
            var share = rounds.TimesFaster(figure, gemm);
            report.Figure($"train_floor_{problem.Size}", new Spread(products * share.Median, products * share.Least, products * share.Most), Report.Text($"{products:F1} products of all rows, {gemm.Name}"));
        }
        Report.Table($"Training step, {problem.Size} states, {problem.Kind}: microseconds, median (least to most)",
            ["way", "a step", "times faster than unrolled autograd", "iterations, mean of the batches' most", "error of the gradient"],
            ways.Select(way => new[]
            {
                way.Name, $"{rounds.Microseconds(way)}", $"{rounds.TimesFaster(way, peers[0].Way)}",
                iterations.TryGetValue(way, out var done) ? Report.Text($"{done.Metrics.MeanIterations:F1}") : "",
                errors.TryGetValue(way, out var error) && !double.IsNaN(error) ? Report.Text($"{error:E1}") : "",
            }));
        engines.ForEach(engine => engine.Steps.Dispose());

        // The gradient's error; the loss must be that of the float64 reference, or of the first peer where there is none.
        double Agree(string name, (double Loss, double[] Gradient) found)
        {
            exact ??= found;
            // Iteration that is cut off at the cap is as far off as it is slow.
            var (loss, gradient) = (Math.Abs(found.Loss / exact.Value.Loss - 1), Linear.Distance(found.Gradient, exact.Value.Gradient) / Linear.Norm(exact.Value.Gradient));
            report.Check(loss <= (problem.IsHard ? 3e-2 : 1e-3) && gradient <= (problem.IsHard ? 0.1 : 1e-2), $"{name}, {problem.Size} states, {problem.Kind}: loss {loss:G3}, gradient {gradient:G3} off");
            return problem.Size <= MostReferenced ? gradient : double.NaN;
        }
    }
}
