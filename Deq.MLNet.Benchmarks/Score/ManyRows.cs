namespace Deq.MLNet.Benchmarks;

/// <summary>Many rows: this library's own one by one, on one thread and on all, against one call of ONNX Runtime on as many.</summary>
internal static class ManyRows
{
    public const int Count = 16384;

    public static void Run(Effort effort, Report report)
    {
        var rows = effort.IsQuick ? 1024 : Count;
        var table = new List<string[]>();
        foreach (var size in new[] { 32, 128 })
        {
            var problem = new Problem(size, hard: false, rows);
            var network = problem.Network(Score.Conditions);
            var scores = new float[rows];
            Dictionary<int, Way> own = [], other = [];
            var sessions = new List<OrtScorer>();
            foreach (var threads in new[] { 1, Environment.ProcessorCount }.Distinct())
            {
                var session = new OrtScorer(network, Score.PlainSteps, rows, threads);
                sessions.Add(session);
                problem.Data.Features.CopyTo(session.Features, 0);
                own[threads] = new Way($"this library, {threads} threads", () => Score.ScoreAll(network, problem.Data, scores, threads));
                other[threads] = new Way($"ONNX Runtime, {threads} threads", session.Run);
            }
            var ways = own.Keys.SelectMany(threads => new[] { own[threads], other[threads] }).ToArray();
            var rounds = Rounds.Measure(effort, ways);
            var difference = scores.Zip(sessions[0].Scores, (a, b) => Math.Abs(a - b)).Max() / scores.Max(Math.Abs);
            report.Check(difference <= 1e-3, $"scores of {rows} rows at size {size}: {difference:G3} of max |y| apart");
            sessions.ForEach(session => session.Dispose());
            report.Figure($"score16k_vs_ort_{size}", rounds.TimesFaster(own[1], other[1]), "one thread each");
            if (size == 32 && Environment.ProcessorCount > 1)
            {
                report.Figure("threads_score_32", rounds.TimesFaster(own[Environment.ProcessorCount], own[1]), $"{Environment.ProcessorCount} threads against one");
            }
            table.AddRange(own.Keys.SelectMany(threads => new[] { own[threads], other[threads] }.Select(way => new[]
            {
                $"{size}", way.Name, $"{rounds.Milliseconds(way)}", $"{rounds.TimesFaster(own[threads], way)}",
            })));
        }
        Report.Table($"{rows} rows, random, ONNX Runtime in one call of {Score.PlainSteps} steps: milliseconds, median (least to most)", ["states", "way", "all rows", "times ours on as many threads"], table);
    }
}
