using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using Spectre.Console;

namespace Deq.MLNet.Samples.Commands;

/// <summary>A whole pipeline in one ONNX file: texts, numbers and what is missing go in, the name of a class comes out, without ML.NET.</summary>
internal static class OnnxPipeline
{
    /// <summary>What the export may be off by, and what is tested here.</summary>
    public const double MaxError = 1e-5;

    /// <returns>0 where ONNX Runtime gives what ML.NET gives, else 1.</returns>
    public static int Run(string folder)
    {
        var output = new OutputFolder(folder);
        var ml = new MLContext(seed: 1);
        var penguins = Penguins.Load(ml);
        var split = ml.Data.TrainTestSplit(penguins, testFraction: 0.2, seed: 1);
        var model = Pipeline(ml, WellPosedness.Spectral(0.95f)).Fit(split.TrainSet);
        var report = ml.Model.SaveOnnx(model, penguins.Schema, output["penguins.onnx"], new OnnxExportOptions { MaxError = MaxError });
        Print(report);

        // All penguins: few were not measured, and all of those shall be among the rows.
        var rows = ml.Data.CreateEnumerable<Penguin>(penguins, reuseRowObject: false).ToList();
        using var session = new PenguinSession(output["penguins.onnx"]);
        var (probabilities, species) = session.Score(Columns(rows));

        var scored = model.Transform(penguins);
        var theirs = scored.GetColumn<float[]>("Score").ToList();
        var difference = probabilities.Zip(theirs, (a, b) => a.Zip(b, (p, q) => Math.Abs(p - q)).Max()).Max();
        var names = scored.GetColumn<string>("Prediction").ToList();
        var mismatches = species.Zip(names, (a, b) => a == b ? 0 : 1).Sum();
        PrintSome(rows, probabilities, species, theirs);
        var accuracy = ml.MulticlassClassification.Evaluate(model.Transform(split.TestSet)).MicroAccuracy;
        Console.WriteLine(Text($"{rows.Count} penguins: ONNX Runtime and ML.NET are {difference:G2} apart at most and name {mismatches} differently. Accuracy on the test rows {accuracy:F3}."));

        ErrorCurves.Draw(ml, model, Pipeline(ml, WellPosedness.Monotone(1)).Fit(split.TrainSet), penguins, rows, output);
        Console.WriteLine($"The ONNX file and the picture are in {output}.");

        Figures.Print("onnx_pipeline_maxdiff", difference);
        Figures.Print("onnx_label_mismatches", mismatches);
        Figures.Print("onnx_max_error", report.MaxError ?? double.NaN);
        Figures.Print("onnx_steps", report.Steps);
        Figures.Print("onnx_nodes", report.NodeCount);
        Figures.Print("onnx_bytes", report.Bytes);
        return difference <= MaxError && mismatches == 0 ? 0 : 1;
    }

    /// <summary>From the columns of the file to the name of a species.</summary>
    public static EstimatorChain<KeyToValueMappingTransformer> Pipeline(MLContext ml, WellPosedness rule) =>
        ml.Transforms.Conversion.MapValueToKey("Label", nameof(Penguin.Species))
            .Append(ml.Transforms.IndicateMissingValues("IsUnmeasured", nameof(Penguin.BodyMass)))
            .Append(ml.Transforms.Conversion.ConvertType("IsUnmeasured", outputKind: DataKind.Single))
            .Append(ml.Transforms.Concatenate("Numbers", Penguins.Measurements))
            .Append(ml.Transforms.ReplaceMissingValues("Numbers", replacementMode: MissingValueReplacingEstimator.ReplacementMode.Mean))
            .Append(ml.Transforms.NormalizeMeanVariance("Numbers", fixZero: false))
            .Append(ml.Transforms.Categorical.OneHotEncoding([new("IslandIs", nameof(Penguin.Island)), new("SexIs", nameof(Penguin.Sex))]))
            .Append(ml.Transforms.Concatenate("Features", "Numbers", "IsUnmeasured", "IslandIs", "SexIs"))
            .Append(ml.MulticlassClassification.Trainers.Deq(new DeqMulticlassTrainer.Options
            {
                HiddenSize = 32,
                Epochs = 40,
                WellPosedness = rule,
                ScoringTolerance = new Tolerance(1e-7), // ML.NET's own scores shall be no further off than the file's
                Optimizer = new AdamW(),
                WeightDecay = 0.3f,
                Seed = 1,
                Threads = 1,
            }))
            .Append(ml.Transforms.Conversion.MapKeyToValue("Prediction", "PredictedLabel"));

    /// <summary>What the file asks for, as an app would have it: one array a column.</summary>
    public static Dictionary<string, Array> Columns(IReadOnlyList<Penguin> rows) => new()
    {
        [nameof(Penguin.Island)] = rows.Select(row => row.Island).ToArray(),
        [nameof(Penguin.BeakLength)] = rows.Select(row => row.BeakLength).ToArray(),
        [nameof(Penguin.BeakDepth)] = rows.Select(row => row.BeakDepth).ToArray(),
        [nameof(Penguin.FlipperLength)] = rows.Select(row => row.FlipperLength).ToArray(),
        [nameof(Penguin.BodyMass)] = rows.Select(row => row.BodyMass).ToArray(),
        [nameof(Penguin.Sex)] = rows.Select(row => row.Sex).ToArray(),
    };

    private static void Print(OnnxExportReport report)
    {
        var table = new Table().Title("The export").AddColumns("What", "Is");
        void Row(string what, string isWhat) => table.AddRow(new Text(what), new Text(isWhat));
        Row("Form", $"{report.Form}");
        Row("Steps", Text($"{report.Steps}"));
        Row("Largest error, as a share", Text($"{report.MaxError:G2}"));
        Row("Mean error", Text($"{report.MeanError:G2}"));
        Row("Proved bound on the state's error", report.Bound is { } bound ? Text($"{bound:G2}") : "none");
        Row("Opset", Text($"{report.Opset}"));
        Row("Nodes, bytes", Text($"{report.NodeCount}, {report.Bytes}"));
        Row("Inputs", string.Join(", ", report.InputNames));
        Row("Outputs", string.Join(", ", report.OutputNames));
        AnsiConsole.Write(table);
    }

    /// <summary>The first rows and those that were not measured.</summary>
    private static void PrintSome(List<Penguin> rows, float[][] probabilities, string[] species, List<float[]> theirs)
    {
        var table = new Table().Title("Rows in ONNX Runtime").AddColumns("Island", "Sex", "Mass, g", "Is", "Predicted", "Probability", "in ML.NET");
        foreach (var i in Enumerable.Range(0, rows.Count).Where(i => i < 2 || float.IsNaN(rows[i].BodyMass) || i == rows.Count - 1))
        {
            var row = rows[i];
            string[] cells = [row.Island, row.Sex, Text($"{row.BodyMass}"), row.Species, species[i], Text($"{probabilities[i].Max():F5}"), Text($"{theirs[i].Max():F5}")];
            table.AddRow(cells.Select(Markup.Escape).ToArray());
        }
        AnsiConsole.Write(table);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
