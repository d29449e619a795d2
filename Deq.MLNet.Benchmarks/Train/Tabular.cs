using Deq.MLNet.Samples;
using Microsoft.ML;

namespace Deq.MLNet.Benchmarks;

/// <summary>Time and accuracy together, on data of the samples with their options: this library's trainers beside ML.NET's, fold by fold in turn. ML.NET's boosted trees use all cores, the others one thread.</summary>
internal static class Tabular
{
    public static void Run(Effort effort)
    {
        Compare(DiabetesTask.Full, effort);
        if (!effort.IsQuick)
        {
            Compare(ClassesTask.Digits, effort);
        }
    }

    private static void Compare<TRow>(LearningTask<TRow> task, Effort effort) where TRow : class, new()
    {
        var ml = new MLContext(seed: 1);
        var splits = ml.Data.CrossValidationSplit(ml.Data.Cache(task.Load(ml)), CrossValidation.Folds, seed: CrossValidation.FirstSplitSeed).ToArray();
        var folds = task.Candidates.Select(_ => new List<Fold<TRow>>()).ToArray();
        // The first fold twice: its first time is a warm-up.
        foreach (var split in effort.IsQuick ? splits[..2] : splits.Prepend(splits[0]))
        {
            for (var i = 0; i < folds.Length; i++)
            {
                folds[i].Add(CrossValidation.FitAndScore(task, task.Candidates[i], split));
            }
        }
        Report.Table($"{task.Name}: means over folds of rows held out, and seconds to train and to score, median (least to most)", ["trainer", task.MetricNames[0], "seconds"],
            folds.Select((all, i) =>
            {
                var kept = all.Skip(effort.IsQuick ? 0 : 1).ToList();
                var result = new Result<TRow>(task.Candidates[i].Name, task.Candidates[i].IsNetwork, kept);
                return new[] { result.Trainer, Report.Text($"{result.Mean:F3} ({result.Spread:F3})"), $"{Spread.Of(kept.Select(fold => fold.Seconds))}" };
            }));
    }
}
