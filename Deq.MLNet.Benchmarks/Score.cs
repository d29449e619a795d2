using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;

namespace Deq.MLNet.Benchmarks;

/// <summary>One row through a trained deep equilibrium network: the library's own scorer (relative residual 1e-6) against ONNX Runtime on the exported graph (error 1e-5), one thread each.</summary>
internal static class Score
{
    private const int Features = 16, TrainingRows = 512, Calls = 200;

    public static int Run()
    {
        Console.WriteLine(Machine.Describe());
        Console.WriteLine("states  managed us  ONNX Runtime us  times faster (least..most)  steps");
        var figures = new List<string>();
        foreach (var size in new[] { 32, 64, 128 })
        {
            var (network, onnx, steps) = Train(size);
            using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
            using var session = new InferenceSession(onnx, options);
            using var run = new RunOptions();
            var row = Rows(1)[0].Features;
            var (scratch, score, scored) = (new float[network.ScratchSize], new float[1], new float[1]);
            using var input = OrtValue.CreateTensorValueFromMemory(row, [1, Features]);
            using var output = OrtValue.CreateTensorValueFromMemory(scored, [1, 1]);
            var rounds = Rounds.Measure(
                () => network.Evaluate(row, scratch, score),
                () => session.Run(run, session.InputNames, [input], session.OutputNames, [output]),
                Calls);
            if (!(Math.Abs(score[0] - scored[0]) <= 1e-3 * Math.Max(1, Math.Abs(score[0]))))
            {
                Console.Error.WriteLine($"The two scores differ: {score[0]} and {scored[0]}.");
                return 1;
            }
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{size,6}  {rounds.MedianA,10:F2}  {rounds.MedianB,15:F2}  {rounds.MedianRatio,6:F1} ({rounds.LeastRatio:F1}..{rounds.MostRatio:F1})  {steps,5}"));
            figures.Add(string.Create(CultureInfo.InvariantCulture, $"figure score_row_vs_onnx_{size} {rounds.MedianRatio:F2}"));
        }
        figures.ForEach(Console.WriteLine);
        return 0;
    }

    private static (Network Network, byte[] Onnx, int Steps) Train(int size)
    {
        var context = new MLContext(seed: 1);
        var data = context.Data.LoadFromEnumerable(Rows(TrainingRows));
        var model = context.Regression.Trainers.Deq(hiddenSize: size, epochs: 20).Fit(data);
        using var stream = new MemoryStream();
        var report = context.Model.SaveOnnx(model, data.Schema, stream);
        return (model.Model.Network, stream.ToArray(), report.Steps);
    }

    private static Row[] Rows(int count)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var features = Enumerable.Range(0, Features).Select(_ => (float)(2 * random.NextDouble() - 1)).ToArray();
            return new Row { Features = features, Label = features.Sum(x => MathF.Sin(3 * x)) };
        })];
    }

    private sealed class Row
    {
        [VectorType(Score.Features)]
        public float[] Features { get; set; } = [];

        public float Label { get; set; }
    }
}
