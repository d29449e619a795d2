using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.ML;
using Spectre.Console;

namespace Deq.MLNet.Samples;

/// <summary>Repeated five-fold cross-validation: every trainer on the same folds of the same splits.</summary>
internal static class CrossValidation
{
    public const int Folds = 5;

    // The networks' options were tuned on the folds of other seeds: each task names them.
    public const int FirstSplitSeed = 2;

    /// <summary>Runs every candidate of a task on <paramref name="repeats"/> splits into five folds.</summary>
    public static IReadOnlyList<Result<TRow>> Run<TRow>(LearningTask<TRow> task, int repeats) where TRow : class, new()
    {
        var ml = new MLContext(seed: 1);
        var rows = ml.Data.Cache(task.Load(ml));
        var splits = Enumerable.Range(FirstSplitSeed, repeats).SelectMany(seed => ml.Data.CrossValidationSplit(rows, Folds, seed: seed)).ToArray();

        Console.WriteLine($"{task.Name}: {Folds} folds of each of {repeats} splits");
        return AnsiConsole.Progress().Start(progress =>
        {
            var bars = task.Candidates.Select(candidate => progress.AddTask(candidate.Name, autoStart: false, maxValue: splits.Length)).ToList();
            return task.Candidates.Zip(bars, (candidate, bar) => Validate(task, candidate, splits, bar)).ToList();
        });
    }

    private static Result<TRow> Validate<TRow>(LearningTask<TRow> task, Candidate candidate, DataOperationsCatalog.TrainTestData[] splits, ProgressTask bar) where TRow : class, new()
    {
        bar.StartTask();
        var folds = new Fold<TRow>[splits.Length];
        // A network of this size trains on one thread, so one fold runs on each core. ML.NET's trainers have threads of their own.
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = candidate.IsNetwork ? Environment.ProcessorCount : 1 };
        // One by one: ranges, the default for an array, would leave cores idle at the end.
        Parallel.ForEach(Partitioner.Create(Enumerable.Range(0, splits.Length), EnumerablePartitionerOptions.NoBuffering), parallel, fold =>
        {
            folds[fold] = FitAndScore(task, candidate, splits[fold]);
            bar.Increment(1);
        });
        bar.StopTask();
        return new Result<TRow>(candidate.Name, candidate.IsNetwork, folds);
    }

    public static Fold<TRow> FitAndScore<TRow>(LearningTask<TRow> task, Candidate candidate, DataOperationsCatalog.TrainTestData split) where TRow : class, new()
    {
        // A context for each fold: the random numbers of a shared one depend on what was fitted before.
        var ml = new MLContext(seed: 1);
        var watch = Stopwatch.StartNew();
        var model = task.Pipeline(ml, candidate.MakeTrainer(ml)).Fit(split.TrainSet);
        var scored = model.Transform(split.TestSet);
        var predictions = ml.Data.CreateEnumerable<TRow>(scored, reuseRowObject: false, ignoreMissingColumns: true).ToList();
        var seconds = watch.Elapsed.TotalSeconds;
        return new Fold<TRow>(task.Measure(ml, scored), predictions, seconds);
    }
}
