using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Samples.Commands;

/// <summary>A deep equilibrium network that reads handwritten digits, from the rows to a saved model; then the comparison with ML.NET's own trainers on wine and on digits.</summary>
internal static class Multiclass
{
    /// <returns>0 where every check holds, else 1.</returns>
    public static int Run(string folder, int repeats)
    {
        var output = new OutputFolder(folder);
        var isSame = TrainOne(new MLContext(seed: 1), output["multiclass.zip"]);

        var wine = Compare(ClassesTask.Wine, classes: 3, repeats, output["multiclass_wine.png"]);
        var digits = Compare(ClassesTask.Digits, classes: 10, repeats, output["multiclass_digits.png"]);
        Console.WriteLine($"The model and the pictures are in {output}.");

        Results.PrintFigures("wine_accuracy", wine);
        Results.PrintFigures("digits_accuracy", digits);
        Figures.Print("reload_is_same", isSame ? 1 : 0);
        return isSame ? 0 : 1;
    }

    private static bool TrainOne(MLContext ml, string path)
    {
        var split = ml.Data.TrainTestSplit(Digits.Load(ml), testFraction: 0.2, seed: 1);

        // Classes are keys to ML.NET: the label becomes one on the way in, the prediction a digit again on the way out.
        // The trainer scales the features by itself, and holds out a fifth of the rows to stop by.
        var trainer = ml.MulticlassClassification.Trainers.Deq(new DeqMulticlassTrainer.Options
        {
            HiddenSize = 128,
            Loss = MulticlassLoss.CrossEntropy(labelSmoothing: 0.1f),
            Optimizer = new AdamW(),
            WeightDecay = 0.3f,
            Seed = 1,
            ValidationFraction = 0.2f,
            EarlyStopping = new EarlyStopping(patience: 10),
        });
        var pipeline = ml.Transforms.Conversion.MapValueToKey("Label")
            .Append(trainer)
            .Append(ml.Transforms.Conversion.MapKeyToValue("Digit", "PredictedLabel"));
        var model = pipeline.Fit(split.TrainSet);

        var scored = model.Transform(split.TestSet);
        var evaluation = ml.MulticlassClassification.Evaluate(scored);
        Console.WriteLine(Text($"Digits, test rows: accuracy {evaluation.MicroAccuracy:F3}, log-loss {evaluation.LogLoss:F3}."));

        // A model file is replaced whole or not at all, and loads where libtorch is not.
        ml.Model.SaveAtomic(model, split.TestSet.Schema, path);
        var loaded = ml.Model.Load(path, out _);

        using var engine = ml.Model.CreatePredictionEngine<DigitImage, DigitReading>(loaded);
        var image = ml.Data.CreateEnumerable<DigitImage>(split.TestSet, reuseRowObject: false).First();
        var reading = engine.Predict(image);
        Console.WriteLine(Text($"The first test image: read as {reading.Digit} with probability {reading.Score.Max():F3}, true {image.Label}."));
        return loaded.Transform(split.TestSet).GetColumn<uint>("Digit").SequenceEqual(scored.GetColumn<uint>("Digit"));
    }

    private static IReadOnlyList<Result<Classification>> Compare(LearningTask<Classification> task, int classes, int repeats, string picture)
    {
        var results = CrossValidation.Run(task, repeats);
        Results.Print(task, results);
        var rows = results.Of("DEQ").FirstRepeat.Select(row => ((int)row.Label - 1, (int)row.PredictedLabel - 1));
        string[] names = [.. Enumerable.Range(0, classes).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        ConfusionMatrix.Draw($"{task.Name}: a DEQ on rows held out, each row once", names, rows, picture);
        return results;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
