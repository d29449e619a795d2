namespace Deq.MLNet.Benchmarks;

/// <summary>Many rows: this library's own one by one, on one thread and on all, against one call of ONNX Runtime on as many.</summary>
internal static class ManyRows
{
    public const int Count = 16384;

    public static void Run(Effort effort, Report report)
    {
        var rows = effort.IsQuick ? 1024 : Count;
        var cores = Environment.ProcessorCount;
        var table = new List<string[]>();
        foreach (var size in new[] { 32, 128 })
        {
            var problem = new Problem(size, hard: false, rows);
            var network = problem.Network(Score.Conditions);
            var scores = new float[rows];
            // One after the other: idle threads of a session keep a core busy for a while.
            foreach (var threads in new[] { 1, cores }.Distinct())
            {
                using var session = new OrtScorer(network, Score.PlainSteps, rows, threads);
                problem.Data.Features.CopyTo(session.Features, 0);
                Way own = Own(threads), other = new($"ONNX Runtime, {threads} threads", session.Run);
                var rounds = Rounds.Measure(effort, own, other);
                var difference = scores.Zip(session.Scores, (a, b) => Math.Abs(a - b)).Max() / scores.Max(Math.Abs);
                report.Check(difference <= 1e-3, $"scores of {rows} rows at size {size}: {difference:G3} of max |y| apart");
                table.AddRange(new[] { own, other }.Select(way => new[] { $"{size}", way.Name, $"{rounds.Milliseconds(way)}", $"{rounds.TimesFaster(own, way)}" }));
                if (threads == 1)
                {
                    report.Figure($"score16k_vs_ort_{size}", rounds.TimesFaster(own, other), "one thread each");
                }
            }
            if (size == 32 && cores > 1)
            {
                Way one = Own(1), all = Own(cores);
                report.Figure("threads_score_32", Rounds.Measure(effort, all, one).TimesFaster(all, one), $"{cores} threads against one");
            }

            Way Own(int threads) => new($"this library, {threads} threads", () => Score.ScoreAll(network, problem.Data, scores, threads));
        }
        Report.Table($"{rows} rows, random, ONNX Runtime in one call of {Score.PlainSteps} steps: milliseconds, median (least to most)", ["states", "way", "all rows", "times ours on as many threads"], table);
    }
}
