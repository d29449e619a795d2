using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Spectre.Console;

namespace Deq.MLNet.Samples.Commands;

/// <summary>What one trainer reached over all folds.</summary>
/// <param name="Trainer">Its name.</param>
/// <param name="IsNetwork">Whether it is one of this library's.</param>
/// <param name="RSquared">The mean of R² over the folds.</param>
/// <param name="Spread">The standard deviation of R² over the folds.</param>
/// <param name="Rmse">The mean of the root mean squared error over the folds, in units of the label.</param>
/// <param name="Seconds">Time for all folds, scoring included.</param>
internal sealed record Result(string Trainer, bool IsNetwork, double RSquared, double Spread, double Rmse, double Seconds);

/// <summary>Five-fold cross-validation of every candidate, on three ways to split the rows.</summary>
internal static class CrossValidation
{
    private const int Folds = 5;

    private static readonly int[] SplitSeeds = [2, 3, 4];

    public static IReadOnlyList<Result> Run(MLContext ml, IDataView data) => AnsiConsole.Progress().Start(progress =>
    {
        var bars = Candidates.All.Select(candidate => progress.AddTask(candidate.Name, autoStart: false, maxValue: Folds * SplitSeeds.Length)).ToList();
        return Candidates.All.Zip(bars, (candidate, bar) => Validate(ml, data, candidate, bar)).ToList();
    });

    private static Result Validate(MLContext ml, IDataView data, Candidate candidate, ProgressTask bar)
    {
        bar.StartTask();
        var watch = Stopwatch.StartNew();
        var pipeline = Candidates.Pipeline(ml, candidate.MakeTrainer(ml, _ => bar.Increment(1.0 / Candidates.Epochs)));
        var folds = SplitSeeds.SelectMany(seed =>
        {
            var metrics = ml.Regression.CrossValidate(data, pipeline, Folds, seed: seed).Select(fold => fold.Metrics);
            bar.Value = Folds * (Array.IndexOf(SplitSeeds, seed) + 1);
            return metrics;
        }).ToList();

        var mean = folds.Average(fold => fold.RSquared);
        var variance = folds.Sum(fold => Math.Pow(fold.RSquared - mean, 2)) / (folds.Count - 1);
        return new Result(candidate.Name, candidate.IsNetwork, mean, Math.Sqrt(variance), folds.Average(fold => fold.RootMeanSquaredError), watch.Elapsed.TotalSeconds);
    }

    public static void Print(IEnumerable<Result> results)
    {
        var table = new Table().Title($"{Folds}-fold cross-validation, {SplitSeeds.Length} splits").AddColumns("Trainer", "mean R²", "spread", "RMSE", "seconds");
        foreach (var column in table.Columns.Skip(1))
            column.RightAligned();
        foreach (var r in results)
            table.AddRow(r.Trainer, Text(r.RSquared, "F4"), Text(r.Spread, "F4"), Text(r.Rmse, "F2"), Text(r.Seconds, "F1"));
        AnsiConsole.Write(table);
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
