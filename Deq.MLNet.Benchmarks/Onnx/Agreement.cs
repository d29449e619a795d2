using Deq.MLNet.Networks;
using Deq.MLNet.Trainers;
using Microsoft.ML;

namespace Deq.MLNet.Benchmarks;

/// <summary>What a model gives for some rows, in float64.</summary>
/// <param name="Scores">B rows of K.</param>
/// <param name="Probabilities">For two classes the B probabilities, else null.</param>
/// <param name="Labels">For classes the B predictions: keys from 1, or 0 and 1 for two classes; else null.</param>
internal sealed record Expected(double[][] Scores, double[]? Probabilities, float[]? Labels)
{
    public static Expected Of(INetworkModel model, IReadOnlyList<float[]> features)
    {
        var network = model.Network;
        var reference = network is DeqNetwork deq ? new DeqReference(deq) : null;
        // The Score of two classes is what goes into the logistic function.
        var link = model is NetworkBinaryModelParameters ? Link.Identity : network.Link;
        var scores = features.AsParallel().AsOrdered().Select(row => new Readout(link).Of(reference is null ? Float64.EvaluateAffine(network, row) : reference.EvaluateAffine(row))).ToArray();
        switch (model)
        {
            case NetworkBinaryModelParameters binary:
                var (slope, offset) = binary.Calibration is { } c ? (c.Slope, c.Offset) : (1, 0);
                return new Expected(scores, [.. scores.Select(s => Float64.Logistic(slope * s[0] + offset))], [.. scores.Select(s => s[0] > 0 ? 1f : 0)]);
            case NetworkMulticlassModelParameters:
                return new Expected(scores, null, [.. scores.Select(s => 1f + Array.IndexOf(s, s.Max()))]);
            default:
                return new Expected(scores, null, null);
        }
    }
}

/// <summary>How far files are from float64: the largest error, and labels that differ.</summary>
internal sealed class Agreement
{
    /// <summary>The largest |difference| of a case as a share of its max |y|, over Score and Probability, and over cases.</summary>
    public double WorstError { get; private set; }

    public string WorstCase { get; private set; } = "none";

    /// <summary>Labels that differ although the scores leave no doubt: their margin is more than twice the error of the case.</summary>
    public int Mismatches { get; private set; }

    /// <summary>Labels that differ within that margin.</summary>
    public int CloseCalls { get; private set; }

    public int Cases { get; private set; }

    public void Add(string name, Expected expected, IReadOnlyDictionary<string, float[]> actual)
    {
        var difference = Difference([.. expected.Scores.SelectMany(s => s)], actual["Score.output"]);
        var error = difference / expected.Scores.Max(s => s.Max(Math.Abs));
        if (expected.Probabilities is { } probabilities)
        {
            error = Math.Max(error, Difference(probabilities, actual["Probability.output"]) / probabilities.Max());
        }
        // A file that gives NaN is the worst of all.
        if (!(error <= WorstError))
        {
            (WorstError, WorstCase) = (error, name);
        }
        if (expected.Labels is { } labels)
        {
            foreach (var row in Enumerable.Range(0, labels.Length).Where(row => labels[row] != actual["PredictedLabel.output"][row]))
            {
                _ = Margin(expected.Scores[row]) > 2 * difference ? Mismatches++ : CloseCalls++;
            }
        }
        Cases++;
    }

    public void Add(Agreement other)
    {
        if (!(other.WorstError <= WorstError))
        {
            (WorstError, WorstCase) = (other.WorstError, other.WorstCase);
        }
        (Mismatches, CloseCalls, Cases) = (Mismatches + other.Mismatches, CloseCalls + other.CloseCalls, Cases + other.Cases);
    }

    /// <summary>How far a row's scores are from another label.</summary>
    private static double Margin(double[] scores)
    {
        var sorted = scores.OrderDescending().ToArray();
        return sorted.Length == 1 ? Math.Abs(sorted[0]) : sorted[0] - sorted[1];
    }

    private static double Difference(double[] expected, float[] actual) =>
        expected.Length == actual.Length ? expected.Zip(actual, (a, b) => Math.Abs(a - b)).Aggregate(0.0, Math.Max) : double.NaN;
}

/// <summary>What is exported, and by which name.</summary>
internal static class Exported
{
    /// <summary>The one network of a fitted pipeline.</summary>
    public static INetworkModel ModelOf(ITransformer model) =>
        Flatten(model).OfType<ISingleFeaturePredictionTransformer<object>>().Select(t => t.Model).OfType<INetworkModel>().Single();

    /// <summary>Exports a pipeline, writes the file where a folder is given, and compares what ONNX Runtime makes of it with float64.</summary>
    public static OnnxExportReport Compare(MLContext ml, ITransformer model, DataViewSchema schema, OnnxExportOptions options, string name, OrtColumns rows, Expected expected, Agreement agreement, string? folder)
    {
        using var stream = new MemoryStream();
        var report = ml.Model.SaveOnnx(model, schema, stream, options);
        name = $"{name} {report.Form?.ToString() ?? "feed-forward"} {options.Opset}";
        if (folder is not null)
        {
            File.WriteAllBytes(Path.Combine(folder, name.Replace(' ', '_') + ".onnx"), stream.ToArray());
        }
        agreement.Add(name, expected, rows.Run(stream.ToArray()));
        return report;
    }

    private static IEnumerable<ITransformer> Flatten(ITransformer model) =>
        model is IEnumerable<ITransformer> chain ? chain.SelectMany(Flatten) : [model];
}
