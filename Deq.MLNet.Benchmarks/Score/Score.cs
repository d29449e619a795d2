using Deq.MLNet.Onnx;
using Deq.MLNet.Training;

namespace Deq.MLNet.Benchmarks;

/// <summary>Scoring: this library's own, row by row, against ONNX Runtime on the exported graph.</summary>
internal static class Score
{
    /// <summary>Steps of the graph that one would export without measuring.</summary>
    public const int PlainSteps = 30;

    /// <summary>What the training's conditions are in scoring.</summary>
    public static readonly EquilibriumSettings Conditions = new(tolerance: new Tolerance(Problem.Tolerance), maxIterations: Problem.MaxIterations);

    public static int Run(Effort effort)
    {
        Console.WriteLine(Machine.DescribeAll());
        var report = new Report();
        OneRow(effort, report);
        ManyRows.Run(effort, report);
        MLNetScoring.Run(effort, report, Conditions);
        return report.Finish();
    }

    private static void OneRow(Effort effort, Report report)
    {
        var table = new List<string[]>();
        foreach (var size in new[] { 32, 128, 512 })
        {
            var problem = new Problem(size, hard: false, Problem.DefaultBatchRows);
            DeqNetwork network = problem.Network(Conditions), precise = problem.Network();
            var exact = Exact(network, problem.Data);
            var error = Error(Scores(network, problem.Data), exact);
            var equalSteps = StepsFor(error, network, problem.Data);
            using OrtScorer plain = new(network, PlainSteps, 1, 1), equal = new(network, equalSteps, 1, 1);
            Way own = InTurn("this library, 1e-4", network, problem.Data), ownPrecise = InTurn("this library, 1e-6", precise, problem.Data);
            Way ort = InTurn($"ONNX Runtime, {PlainSteps} steps", plain, problem.Data), ortEqual = InTurn($"ONNX Runtime, {equalSteps} steps", equal, problem.Data);
            var rounds = Rounds.Measure(effort, own, ort, ortEqual, ownPrecise);
            report.Figure($"score1_vs_ort_{size}", rounds.TimesFaster(own, ort));
            report.Figure($"score1_vs_ort_equal_error_{size}", rounds.TimesFaster(own, ortEqual), $"{equalSteps} steps");
            var errors = new Dictionary<Way, double>
            {
                [own] = error,
                [ownPrecise] = Error(Scores(precise, problem.Data), exact),
                [ort] = Error(Scores(plain, problem.Data), exact),
                [ortEqual] = Error(Scores(equal, problem.Data), exact),
            };
            foreach (var (way, value) in errors)
            {
                report.Check(value <= 1e-3, $"{way.Name}, {size} states: {value:G3} of max |y| off the float64 equilibrium");
            }
            report.Check(errors[ortEqual] <= 1.1 * error, $"ONNX Runtime after {equalSteps} steps at size {size}: error {errors[ortEqual]:G3}, ours {error:G3}");
            table.AddRange(errors.Keys.Select(way => new[] { $"{size}", way.Name, $"{rounds.Microseconds(way)}", $"{rounds.TimesFaster(own, way)}", Report.Text($"{errors[way]:E1}") }));
        }
        Report.Table($"One row, one thread, random: microseconds over {Problem.DefaultBatchRows} rows in turn, median (least to most)", ["states", "way", "a row", "times ours", "largest error, of max \\|y\\|"], table);
    }

    /// <summary>Scores rows one by one, so many at the same time.</summary>
    public static void ScoreAll(Network network, TrainingData data, float[] scores, int threads)
    {
        const int chunk = 256;
        Parallel.For(0, (data.Rows + chunk - 1) / chunk, new ParallelOptions { MaxDegreeOfParallelism = threads }, () => new float[network.ScratchSize], (part, _, scratch) =>
        {
            for (var row = part * chunk; row < Math.Min(data.Rows, (part + 1) * chunk); row++)
            {
                network.Evaluate(data.Row(row).Span, scratch, scores.AsSpan(row, 1));
            }
            return scratch;
        }, _ => { });
    }

    /// <summary>One row a call, every row in its turn.</summary>
    public static Way InTurn(string name, Network network, TrainingData data)
    {
        var (row, scratch, score) = (0, new float[network.ScratchSize], new float[1]);
        return new Way(name, () =>
        {
            network.Evaluate(data.Row(row).Span, scratch, score);
            row = (row + 1) % data.Rows;
        });
    }

    public static Way InTurn(string name, OrtScorer scorer, TrainingData data)
    {
        var row = 0;
        return new Way(name, () =>
        {
            data.Row(row).Span.CopyTo(scorer.Features);
            scorer.Run();
            row = (row + 1) % data.Rows;
        });
    }

    /// <summary>As many steps of plain iteration as give the largest error that this library's own scores have.</summary>
    public static int StepsForEqualError(DeqNetwork network, TrainingData data) => StepsFor(Error(Scores(network, data), Exact(network, data)), network, data);

    private static int StepsFor(double error, DeqNetwork network, TrainingData data) => new CurveMeasurement(network, Rows(data), []).Of(OnnxForm.Unrolled)!.StepsFor(error) ?? UnrollCurve.MaxSteps;

    private static List<ReadOnlyMemory<float>> Rows(TrainingData data) => [.. Enumerable.Range(0, data.Rows).Select(data.Row)];

    private static double[] Exact(DeqNetwork network, TrainingData data)
    {
        return [.. Rows(data).AsParallel().AsOrdered().Select(row => network.EvaluateFloat64(row.Span)[0])];
    }

    private static float[] Scores(Network network, TrainingData data)
    {
        var scores = new float[data.Rows];
        ScoreAll(network, data, scores, 1);
        return scores;
    }

    private static float[] Scores(OrtScorer scorer, TrainingData data) => [.. Rows(data).Select(row =>
    {
        row.Span.CopyTo(scorer.Features);
        scorer.Run();
        return scorer.Scores[0];
    })];

    private static double Error(float[] scores, double[] exact) => scores.Zip(exact, (a, b) => Math.Abs(a - b)).Max() / exact.Max(Math.Abs);
}
