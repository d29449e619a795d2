using Deq.MLNet.Training;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Benchmarks;

/// <summary>Scoring of trained models through ML.NET: what its prediction engine and its cursors add to the bare row, and ONNX Runtime on the steps that the exporter chose.</summary>
internal static class MLNetScoring
{
    private const int TrainingRows = 512;

    public static void Run(Effort effort, Report report, EquilibriumSettings conditions)
    {
        var table = new List<string[]>();
        foreach (var size in new[] { 32, 64, 128 })
        {
            var problem = new Problem(size, hard: false, TrainingRows);
            var ml = new MLContext(seed: 1);
            var rows = Rows(problem.Data);
            var view = ml.Data.LoadFromEnumerable(rows);
            var model = ml.Regression.Trainers.Deq(new DeqRegressionTrainer.Options { HiddenSize = size, Epochs = effort.IsQuick ? 2 : 20, MaxIterations = conditions.MaxIterations, ScoringTolerance = conditions.Tolerance, Seed = 1, Threads = 1 }).Fit(view);
            var network = model.Model.Network;
            using var graph = new MemoryStream();
            var exported = ml.Model.SaveOnnx(model, view.Schema, graph, new OnnxExportOptions { MaxError = Problem.Tolerance });
            using var session = new OrtScorer(graph.ToArray(), network.InputSize, 1, 1);
            var bare = Score.InTurn("bare row", network, problem.Data);
            var (next, prediction, engine) = (0, new Scored(), ml.Model.CreatePredictionEngine<Row, Scored>(model));
            var predict = new Way("PredictionEngine", () =>
            {
                engine.Predict(rows[next], ref prediction);
                next = (next + 1) % rows.Length;
            });
            problem.Data.Row(0).Span.CopyTo(session.Features);
            var ort = new Way($"ONNX Runtime, {exported.Steps} steps", session.Run);
            var rounds = Rounds.Measure(effort, bare, predict, ort);
            engine.Predict(rows[0], ref prediction);
            report.Check(Math.Abs(prediction.Score - session.Scores[0]) <= 1e-3 * Math.Max(1, Math.Abs(prediction.Score)), $"scores of a trained model at size {size}: {prediction.Score} and {session.Scores[0]}");
            if (size == 32)
            {
                report.Figure("engine_overhead_us", rounds.Difference(predict, bare), "PredictionEngine less the bare row");
                report.Figure("bytes_per_row", Math.Max(BytesPerRow(bare), CursorBytesPerRow(ml, model, new Problem(size, hard: false, ManyRows.Count).Data)), "the bare row, and a cursor of ML.NET: the larger");
                Cursors(effort, ml, model);
            }
            table.AddRange(new[] { bare, predict, ort }.Select(way => new[] { $"{size}", way.Name, $"{rounds.Microseconds(way)}", $"{rounds.TimesFaster(bare, way)}", Report.Text($"{BytesPerRow(way):F0}") }));
        }
        Report.Table("One row of a trained model: microseconds, median (least to most)", ["states", "way", "a row", "times the bare row", "managed bytes a row"], table);
    }

    /// <summary>All rows through the transformer: by one cursor, and by a set of them on threads of their own.</summary>
    private static void Cursors(Effort effort, MLContext ml, RegressionPredictionTransformer<NetworkRegressionModelParameters> model)
    {
        var problem = new Problem(32, hard: false, effort.IsQuick ? 1024 : ManyRows.Count);
        var view = ml.Data.Cache(ml.Data.LoadFromEnumerable(Rows(problem.Data)));
        Way one = new("ML.NET's transformer, 1 cursor", () => Scan(model.Transform(view), 1)), all = new($"ML.NET's transformer, {Environment.ProcessorCount} cursors", () => Scan(model.Transform(view), Environment.ProcessorCount));
        var scores = new float[problem.Data.Rows];
        var network = model.Model.Network;
        Way direct = new("this library, 1 thread", () => Score.ScoreAll(network, problem.Data, scores, 1)), both = new($"this library, {Environment.ProcessorCount} threads", () => Score.ScoreAll(network, problem.Data, scores, Environment.ProcessorCount));
        Way[] ways = [direct, one, both, all];
        var rounds = Rounds.Measure(effort, ways);
        Report.Table($"{problem.Data.Rows} rows of a trained model of 32 states: milliseconds, median (least to most)", ["way", "all rows"], ways.Select(way => new[] { way.Name, $"{rounds.Milliseconds(way)}" }));
    }

    private static void Scan(IDataView scored, int cursors)
    {
        var column = scored.Schema[nameof(Scored.Score)];
        Parallel.ForEach(scored.GetRowCursorSet([column], cursors), cursor =>
        {
            using var rows = cursor;
            var (get, score) = (rows.GetGetter<float>(column), 0f);
            while (rows.MoveNext())
            {
                get(ref score);
            }
        });
    }

    /// <summary>Managed bytes of one call, over many after a warm-up.</summary>
    public static double BytesPerRow(Way way)
    {
        const int calls = 2_000;
        for (var i = 0; i < calls; i++)
        {
            way.Run();
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < calls; i++)
        {
            way.Run();
        }
        return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / calls;
    }

    /// <summary>Managed bytes of one row of a cursor. It is one of a set: where ML.NET puts several together into one, it allocates about a byte a row itself.</summary>
    private static double CursorBytesPerRow(MLContext ml, RegressionPredictionTransformer<NetworkRegressionModelParameters> model, TrainingData data)
    {
        var view = ml.Data.Cache(ml.Data.LoadFromEnumerable(Rows(data)));
        Scan(model.Transform(view), 1);
        var scored = model.Transform(view);
        var column = scored.Schema[nameof(Scored.Score)];
        using var cursor = scored.GetRowCursorSet([column], 1)[0];
        var (get, score) = (cursor.GetGetter<float>(column), 0f);
        // The first rows make what is kept, and the end of the rows is none of them.
        const int first = 100;
        var before = 0L;
        for (var row = 0; row < data.Rows - 1 && cursor.MoveNext(); row++)
        {
            if (row == first)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }
            get(ref score);
        }
        return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / (data.Rows - 1 - first);
    }

    private static Row[] Rows(TrainingData data) => [.. Enumerable.Range(0, data.Rows).Select(row => new Row { Features = data.Row(row).ToArray(), Label = data.Targets[row] })];

    private sealed class Row
    {
        [VectorType(16)]
        public float[] Features { get; set; } = [];

        public float Label { get; set; }
    }

    private sealed class Scored
    {
        public float Score { get; set; }
    }
}
