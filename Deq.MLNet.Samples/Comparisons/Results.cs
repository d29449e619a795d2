using System.Globalization;
using Spectre.Console;

namespace Deq.MLNet.Samples;

/// <summary>The results of a comparison as a table and as figures.</summary>
internal static class Results
{
    public static void Print<TRow>(LearningTask<TRow> task, IReadOnlyList<Result<TRow>> results)
    {
        var table = new Table().Title($"{task.Name}: means over {results[0].Folds.Count} folds").AddColumns("Trainer", $"{task.MetricNames[0]}", "spread");
        foreach (var name in task.MetricNames.Skip(1).Append("seconds a fit"))
            table.AddColumn(name);
        foreach (var column in table.Columns.Skip(1))
            column.RightAligned();
        foreach (var result in results)
        {
            var others = Enumerable.Range(1, task.MetricNames.Length - 1).Select(metric => Text(result.MeanOf(metric)));
            table.AddRow([result.Trainer, Text(result.Mean), Text(result.Spread), .. others, result.SecondsPerFit.ToString("F2", CultureInfo.InvariantCulture)]);
        }
        AnsiConsole.Write(table);
    }

    /// <summary>The built-in trainer with the best mean.</summary>
    public static Result<TRow> BestBuiltIn<TRow>(this IEnumerable<Result<TRow>> results) => results.Where(result => !result.IsNetwork).MaxBy(result => result.Mean)!;

    public static Result<TRow> Of<TRow>(this IEnumerable<Result<TRow>> results, string trainer) => results.Single(result => result.Trainer == trainer);

    /// <summary>Prints NAME_deq, NAME_fnn and NAME_best_builtin.</summary>
    public static void PrintFigures<TRow>(string name, IReadOnlyList<Result<TRow>> results)
    {
        Figures.Print($"{name}_deq", results.Of("DEQ").Mean);
        Figures.Print($"{name}_fnn", results.Of("FNN").Mean);
        Figures.Print($"{name}_best_builtin", results.BestBuiltIn().Mean);
    }

    private static string Text(double value) => value.ToString(Math.Abs(value) < 10 ? "F4" : "F2", CultureInfo.InvariantCulture);
}
