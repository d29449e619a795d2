using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Spectre.Console;

namespace Deq.MLNet.Samples.Commands;

/// <summary>A deep equilibrium network for regression, from the rows to a saved model; then the comparison with ML.NET's own trainers.</summary>
internal static class Regression
{
    /// <returns>0 where every check holds, else 1.</returns>
    public static int Run(string folder, int repeats)
    {
        var output = new OutputFolder(folder);
        var isSame = TrainOne(new MLContext(seed: 1), output["regression.zip"]);

        var results = CrossValidation.Run(DiabetesTask.Full, repeats);
        Results.Print(DiabetesTask.Full, results);
        var rows = results.Of("DEQ").FirstRepeat.ToList();
        PredictedAgainstTrue.Draw([.. rows.Select(row => row.Label)], [.. rows.Select(row => row.Score)], "rows, each held out once", output["regression_predicted_vs_true.png"]);
        Console.WriteLine($"The model and the picture are in {output}.");

        Results.PrintFigures("diabetes_r2", results);
        Figures.Print("reload_is_same", isSame ? 1 : 0);
        return isSame ? 0 : 1;
    }

    private static bool TrainOne(MLContext ml, string path)
    {
        // Rows to test on, rows to stop by, and rows to train on.
        var (trainRows, testRows) = Split(Diabetes.Load(ml), 0.2);
        (trainRows, var validationRows) = Split(trainRows, 0.2);
        (IDataView, IDataView) Split(IDataView rows, double share)
        {
            var split = ml.Data.TrainTestSplit(rows, share, seed: 1);
            return (split.TrainSet, split.TestSet);
        }

        // The trainer scales the features by itself; all it needs is one column of them.
        var features = ml.Transforms.Concatenate("Features", Diabetes.Measurements).Fit(trainRows);
        var trainer = ml.Regression.Trainers.Deq(new DeqRegressionTrainer.Options
        {
            Optimizer = new AdamW(),
            WeightDecay = 3, // few rows and much noise
            Seed = 1,
            EarlyStopping = new EarlyStopping(patience: 10),
        });
        var predictor = trainer.Fit(features.Transform(trainRows), validationData: features.Transform(validationRows));
        var model = features.Append(predictor);

        var history = predictor.Model.History;
        var epochs = new Table().AddColumns("epoch", "training loss", "validation loss", "iterations", "worst residual");
        foreach (var epoch in history.Epochs.Where(e => e.Epoch % 5 == 0 || e.Epoch == history.BestEpoch))
            epochs.AddRow(Text($"{epoch.Epoch}"), Text($"{epoch.TrainingLoss:F1}"), Text($"{epoch.ValidationLoss:F1}"), Text($"{epoch.MeanIterations:F1}"), Text($"{epoch.WorstResidual:G2}"));
        AnsiConsole.Write(epochs);
        Console.WriteLine(Text($"Stopped after epoch {history.Epochs.Count}; the model has the weights of epoch {history.BestEpoch}."));

        var scored = model.Transform(testRows);
        var evaluation = ml.Regression.Evaluate(scored);
        Console.WriteLine(Text($"On the test rows: R² {evaluation.RSquared:F3}, root mean squared error {evaluation.RootMeanSquaredError:F1}."));

        // How much worse R² gets when one feature is shuffled among the rows.
        var importance = ml.Regression.PermutationFeatureImportance(model, scored, permutationCount: 10);
        var chart = new BarChart().Label("R² lost without the feature");
        foreach (var (name, metrics) in importance.OrderBy(f => f.Value.RSquared.Mean))
            chart.AddItem(name, Math.Round(-metrics.RSquared.Mean, 3), Color.Teal);
        AnsiConsole.Write(chart);

        // A model file is replaced whole or not at all, and loads where libtorch is not.
        ml.Model.SaveAtomic(model, testRows.Schema, path);
        var loaded = ml.Model.Load(path, out _);

        using var engine = ml.Model.CreatePredictionEngine<Patient, ProgressionEstimate>(loaded);
        var patient = ml.Data.CreateEnumerable<Patient>(testRows, reuseRowObject: false).First();
        Console.WriteLine(Text($"The first test patient: predicted {engine.Predict(patient).Score:F0}, true {patient.Progression:F0}."));
        return loaded.Transform(testRows).GetColumn<float>("Score").SequenceEqual(scored.GetColumn<float>("Score"));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
