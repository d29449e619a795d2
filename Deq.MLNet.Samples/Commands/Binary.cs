using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples.Commands;

/// <summary>A deep equilibrium network that tells benign tumours from malignant ones, from the rows to a saved model; then the comparison with ML.NET's own trainers.</summary>
internal static class Binary
{
    /// <returns>0 where every check holds, else 1.</returns>
    public static int Run(string folder, int repeats)
    {
        var output = new OutputFolder(folder);
        var isSame = TrainOne(new MLContext(seed: 1), output["binary.zip"]);

        var results = CrossValidation.Run(BreastCancerTask.Full, repeats);
        Results.Print(BreastCancerTask.Full, results);
        var curves = new[] { results.Of("DEQ"), results.Of("FNN"), results.BestBuiltIn() }.Select(result =>
            (Text($"{result.Trainer}, mean AUC {result.Mean:F4}"), result.Folds.SelectMany(fold => fold.Rows).Select(row => (row.Label, row.Score)).ToList()));
        RocCurve.Draw("Breast cancer: benign tumours found, held-out rows", curves, output["binary_roc.png"]);
        Console.WriteLine($"The model and the picture are in {output}.");

        Results.PrintFigures("breast_cancer_auc", results);
        Figures.Print("reload_is_same", isSame ? 1 : 0);
        return isSame ? 0 : 1;
    }

    private static bool TrainOne(MLContext ml, string path)
    {
        var split = ml.Data.TrainTestSplit(BreastCancer.Load(ml), testFraction: 0.2, seed: 1);

        // The trainer scales the features by itself, and holds out a fifth of the rows to stop by.
        var pipeline = ml.Transforms.Concatenate("Features", BreastCancer.Measurements)
            .Append(ml.BinaryClassification.Trainers.Deq(new DeqBinaryTrainer.Options
            {
                Optimizer = new AdamW(),
                WeightDecay = 1,
                Seed = 1,
                ValidationFraction = 0.2f,
                EarlyStopping = new EarlyStopping(patience: 10),
            }));
        var model = pipeline.Fit(split.TrainSet);

        var history = model.LastTransformer.Model.History;
        Console.WriteLine(Text($"Stopped after epoch {history.Epochs.Count}; the model has the weights of epoch {history.BestEpoch}."));
        var scored = model.Transform(split.TestSet);
        var evaluation = ml.BinaryClassification.Evaluate(scored);
        Console.WriteLine(Text($"On the test rows: AUC {evaluation.AreaUnderRocCurve:F3}, accuracy {evaluation.Accuracy:F3}, log-loss {evaluation.LogLoss:F3}."));

        // A model file is replaced whole or not at all, and loads where libtorch is not.
        ml.Model.SaveAtomic(model, split.TestSet.Schema, path);
        var loaded = ml.Model.Load(path, out _);

        using var engine = ml.Model.CreatePredictionEngine<Tumour, Diagnosis>(loaded);
        var tumour = ml.Data.CreateEnumerable<Tumour>(split.TestSet, reuseRowObject: false).First();
        var diagnosis = engine.Predict(tumour);
        string Name(bool isBenign) => isBenign ? "benign" : "malignant";
        Console.WriteLine(Text($"The first test row: predicted {Name(diagnosis.PredictedLabel)}, benign with probability {diagnosis.Probability:F3}; true {Name(tumour.IsBenign)}."));
        return loaded.Transform(split.TestSet).GetColumn<float>("Score").SequenceEqual(scored.GetColumn<float>("Score"));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
