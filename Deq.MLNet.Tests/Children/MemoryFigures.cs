using System.Diagnostics;
using System.Globalization;
using Deq.MLNet;
using Microsoft.ML;
using Microsoft.ML.Data;

/// <summary>What Fit and Transform of many generated rows add to the resident memory of this process, in bytes.</summary>
internal static class MemoryFigures
{
    private const int Features = 16;

    /// <summary>Trains, scores, and returns the growth of the peak in each, beside the seconds of Fit.</summary>
    /// <param name="kind">deq or fnn.</param>
    /// <param name="count">Rows.</param>
    /// <param name="validationFraction">The share held out.</param>
    public static object Measure(string kind, int count, float validationFraction)
    {
        var context = new MLContext(1);
        var trainer = Trainer(context, kind, validationFraction);
        // What is loaded once and kept, libtorch above all, is no growth.
        Score(trainer.Fit(Generate(context, 20_000)), Generate(context, 20_000));

        var data = Generate(context, count);
        ITransformer? model = null;
        var watch = Stopwatch.StartNew();
        var fit = Growth(() => model = trainer.Fit(data));
        var seconds = watch.Elapsed.TotalSeconds;
        var transform = Growth(() => Score(model!, data));
        return new { Fit = fit, Transform = transform, Seconds = seconds };
    }

    private static IEstimator<ITransformer> Trainer(MLContext context, string kind, float validationFraction)
    {
        NetworkTrainerOptions options = kind == "deq" ? new DeqRegressionTrainer.Options { HiddenSize = 8 } : new FnnRegressionTrainer.Options { HiddenSizes = [8] };
        (options.Epochs, options.BatchSize, options.ValidationFraction, options.Threads) = (1, 8192, validationFraction, 1);
        return options is DeqRegressionTrainer.Options deq ? context.Regression.Trainers.Deq(deq) : context.Regression.Trainers.Fnn((FnnRegressionTrainer.Options)options);
    }

    /// <summary>Rows that are made while they are read: a data view that holds none and does not know how many there are.</summary>
    private static IDataView Generate(MLContext context, int count)
    {
        return context.Data.LoadFromEnumerable(Rows());

        IEnumerable<Row> Rows()
        {
            var random = new Random(1);
            var row = new Row();
            for (var i = 0; i < count; i++)
            {
                for (var j = 0; j < Features; j++)
                {
                    row.Features[j] = random.NextSingle();
                }
                row.Label = row.Features[0] - 2 * row.Features[1];
                yield return row;
            }
        }
    }

    private static void Score(ITransformer model, IDataView data)
    {
        var sum = 0.0;
        foreach (var score in model.Transform(data).GetColumn<float>("Score"))
        {
            sum += score;
        }
        if (!double.IsFinite(sum))
        {
            throw new InvalidOperationException("A score is not finite.");
        }
    }

    /// <summary>How far the resident memory rises above what it is at the start.</summary>
    private static long Growth(Action action)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        // Linux's way to make the peak start anew: proc(5).
        File.WriteAllText("/proc/self/clear_refs", "5");
        var before = Kilobytes("VmRSS");
        action();
        return (Kilobytes("VmHWM") - before) << 10;
    }

    private static long Kilobytes(string name) =>
        long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    private sealed class Row
    {
        [VectorType(MemoryFigures.Features)]
        public float[] Features { get; set; } = new float[MemoryFigures.Features];

        public float Label { get; set; }
    }
}
