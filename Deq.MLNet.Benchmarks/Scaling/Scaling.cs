using Deq.MLNet.Samples;
using TorchSharp;

namespace Deq.MLNet.Benchmarks;

/// <summary>How the time grows: of scoring with rows and states, of a training step with states, features and the rate of contraction; as tables and as a picture.</summary>
internal static class Scaling
{
    public static int Run(Effort effort, string folder)
    {
        var path = new OutputFolder(folder)["scaling.png"];
        TorchBackend.EnsureAvailable("cpu");
        torch.set_num_threads(1);
        Console.WriteLine(Machine.DescribeAll());
        var measured = effort.IsQuick ? effort : effort with { Rounds = 9, WarmUp = TimeSpan.FromMilliseconds(300) };
        Curves[] panels =
        [
            Measure(measured, "Scoring, 128 states", "rows a call", "microseconds a row", effort.IsQuick ? [1, 256] : [1, 4, 16, 64, 256, 1024, 4096, 16384], ScoringRows, perRow: true),
            Measure(measured, "Scoring one row", "states", "microseconds a row", Sizes(effort), size => ScoringRow(new Problem((int)size, hard: false, Problem.DefaultBatchRows))),
            Measure(measured, "Scoring one row, 128 states, hard", Slowness, "microseconds a row", Slow(effort), slowness => ScoringRow(Hard(slowness), equalError: true)),
            Measure(measured, "Training step, 256 rows", "states", "microseconds", Sizes(effort), size => TrainingSteps(new Problem((int)size, hard: false, 4 * Problem.DefaultBatchRows))),
            Measure(measured, "Training step, 256 rows, 128 states", "features", "microseconds", effort.IsQuick ? [4, 64] : [4, 16, 64, 256, 1024], features => TrainingSteps(new Problem(128, hard: false, 4 * Problem.DefaultBatchRows, (int)features))),
            Measure(measured, "Training step, 256 rows, 128 states, hard", Slowness, "microseconds", Slow(effort), slowness => TrainingSteps(Hard(slowness))),
        ];
        ScalingPicture.Draw(panels, path);
        Measure(measured, "Training step, 256 rows, large layers, one thread", "states", "microseconds", effort.IsQuick ? [96] : [512, 1024, 2048], size => BothEngines(new Problem((int)size, hard: false, Problem.DefaultBatchRows)));
        Console.WriteLine($"\n{path}");
        return 0;
    }

    private const string Slowness = "1 / (1 - ||W||)";

    private static double[] Slow(Effort effort) => effort.IsQuick ? [2, 10] : [1.5, 2, 3, 5, 10, 16];

    private static Problem Hard(double slowness) => new(128, hard: true, 4 * Problem.DefaultBatchRows, norm: 1 - 1 / slowness);

    private static double[] Sizes(Effort effort) => effort.IsQuick ? [16, 64] : [16, 32, 64, 128, 256, 512];

    /// <summary>The ways at every place of the axis, timed in turn there.</summary>
    private static Curves Measure(Effort effort, string title, string axis, string unit, double[] places, Func<double, Compared> make, bool perRow = false)
    {
        var curves = new Dictionary<string, double[]>();
        for (var i = 0; i < places.Length; i++)
        {
            using var compared = make(places[i]);
            var rounds = Rounds.Measure(effort, compared.Ways);
            foreach (var way in compared.Ways)
            {
                curves.TryAdd(way.Name, new double[places.Length]);
                curves[way.Name][i] = rounds.Microseconds(way).Median / (perRow ? places[i] : 1);
            }
        }
        var result = new Curves(title, axis, unit, places, curves);
        Report.Table($"{title}: {unit}, medians", [axis.Replace("|", "\\|", StringComparison.Ordinal), .. curves.Keys], places.Select((place, i) => new[] { Report.Text($"{place:G4}") }.Concat(curves.Values.Select(curve => Report.Text($"{curve[i]:G4}"))).ToArray()));
        return result;
    }

    private static Compared ScoringRows(double rows)
    {
        var problem = new Problem(128, hard: false, (int)rows);
        var network = problem.Network(Score.Conditions);
        var session = new OrtScorer(network, Score.PlainSteps, (int)rows, 1);
        problem.Data.Features.CopyTo(session.Features, 0);
        var scores = new float[(int)rows];
        return new Compared([new("this library", () => Score.ScoreAll(network, problem.Data, scores, 1)), new(Onnx, session.Run)], session);
    }

    private static Compared ScoringRow(Problem problem, bool equalError = false)
    {
        var network = problem.Network(Score.Conditions);
        var session = new OrtScorer(network, equalError ? Score.StepsForEqualError(network, problem.Data) : Score.PlainSteps, 1, 1);
        return new Compared([Score.InTurn("this library", network, problem.Data), Score.InTurn(equalError ? "ONNX Runtime, steps for the same error" : Onnx, session, problem.Data)], session);
    }

    private static Compared TrainingSteps(Problem problem)
    {
        EngineSteps auto = new(EngineSteps.Simd, problem, problem.Settings(new Auto())), anderson = new(EngineSteps.Simd, problem, problem.Settings(new Anderson()));
        var unrolled = new UnrolledPeer(problem, tuned: true);
        return new Compared([new("this library, Auto", auto.Step), new("this library, Anderson", anderson.Step), new("libtorch, unrolled and tuned", unrolled.Step)], auto, anderson, unrolled);
    }

    /// <summary>What Engine.Auto goes by.</summary>
    private static Compared BothEngines(Problem problem)
    {
        EngineSteps simd = new(EngineSteps.Simd, problem, problem.Settings(new Picard())), torch = new(EngineSteps.Torch, problem, problem.Settings(new Picard()));
        return new Compared([new("SimdEngine", simd.Step), new("TorchEngine", torch.Step)], simd, torch);
    }

    private static readonly string Onnx = $"ONNX Runtime, {Score.PlainSteps} steps";

    /// <summary>Ways that are timed in turn, and what they hold.</summary>
    private sealed class Compared(IReadOnlyList<Way> ways, params IReadOnlyList<IDisposable> held) : IDisposable
    {
        public IReadOnlyList<Way> Ways { get; } = ways;

        public void Dispose()
        {
            foreach (var item in held)
            {
                item.Dispose();
            }
        }
    }
}
