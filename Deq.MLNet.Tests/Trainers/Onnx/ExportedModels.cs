using Deq.MLNet.Tests.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Deq.MLNet.Tests.Trainers.Onnx;

internal sealed class ExportRow
{
    [VectorType(ExportedModels.FeatureCount)]
    public float[] Features { get; set; } = [];

    public float Label { get; set; }

    public bool Flag { get; set; }

    [KeyType(3)]
    public uint Class { get; set; }
}

/// <summary>What a model gives for a batch of rows; Probability for two classes only, Label as a number, 0 or 1 for two classes.</summary>
internal sealed record Outputs(double[] Score, double[]? Probability, uint[]? Label);

/// <summary>Small models of every trainer, loss and link, and what they give in float64 and in ONNX Runtime.</summary>
internal static class ExportedModels
{
    public const int FeatureCount = 4;

    private static readonly Dictionary<string, Func<NetworkTrainerOptions>> All = new()
    {
        ["deq regression"] = () => new DeqRegressionTrainer.Options(),
        ["deq regression Absolute"] = () => new DeqRegressionTrainer.Options { Loss = RegressionLoss.Absolute, Activation = Activation.Tanh },
        ["deq regression Huber"] = () => new DeqRegressionTrainer.Options { Loss = RegressionLoss.Huber(2) },
        ["deq regression Poisson"] = () => new DeqRegressionTrainer.Options { Loss = RegressionLoss.Poisson },
        ["deq regression Tweedie"] = () => new DeqRegressionTrainer.Options { Loss = RegressionLoss.Tweedie(), Activation = Activation.Tanh },
        ["deq binary"] = () => new DeqBinaryTrainer.Options(),
        ["deq binary Balanced, calibrated"] = () => new DeqBinaryTrainer.Options { ClassWeights = ClassWeights.Balanced, ValidationFraction = 0.3f },
        ["deq binary Hinge"] = () => new DeqBinaryTrainer.Options { Loss = BinaryLoss.Hinge, Activation = Activation.Tanh },
        ["deq binary Hinge, calibrated"] = () => new DeqBinaryTrainer.Options { Loss = BinaryLoss.Hinge, ValidationFraction = 0.3f },
        ["deq binary Focal, calibrated"] = () => new DeqBinaryTrainer.Options { Loss = BinaryLoss.Focal(), ValidationFraction = 0.3f },
        ["deq multiclass"] = () => new DeqMulticlassTrainer.Options(),
        ["deq multiclass smoothed, Given"] = () => new DeqMulticlassTrainer.Options { Loss = MulticlassLoss.CrossEntropy(0.1f), ClassWeights = ClassWeights.Given(1, 2, 3), Activation = Activation.Tanh },
        ["fnn regression"] = () => new FnnRegressionTrainer.Options(),
        ["fnn regression Poisson"] = () => new FnnRegressionTrainer.Options { Loss = RegressionLoss.Poisson },
        ["fnn binary"] = () => new FnnBinaryTrainer.Options(),
        ["fnn binary Hinge, calibrated"] = () => new FnnBinaryTrainer.Options { Loss = BinaryLoss.Hinge, ValidationFraction = 0.3f },
        ["fnn multiclass"] = () => new FnnMulticlassTrainer.Options { Activation = Activation.Tanh },
    };

    /// <summary>Every trainer with every loss.</summary>
    public static TheoryData<string> Cases => [.. All.Keys];

    /// <summary>Each of the six trainers once.</summary>
    public static TheoryData<string> Trainers => [.. All.Keys.Where(name => name.Count(c => c == ' ') == 1)];

    /// <summary>Rows whose label is positive, whose flag is about even, and whose class is one of three.</summary>
    public static ExportRow[] Rows(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var x = OnnxCases.Gaussian(random, FeatureCount);
            var v = x[0] - 0.5f * x[1] + 0.5f * Math.Max(0, x[2]);
            return new ExportRow { Features = x, Label = MathF.Exp(v), Flag = v + 0.3f * x[3] > 0, Class = v < -0.5 ? 1u : v < 0.5 ? 2u : 3u };
        })];
    }

    public static ISingleFeaturePredictionTransformer<object> Fit(string name, string features = "Features")
    {
        var context = new MLContext(1);
        var rows = context.Data.LoadFromEnumerable(Rows(300, 1));
        var data = features == "Features" ? rows : context.Transforms.CopyColumns(features, "Features").Fit(rows).Transform(rows);
        var options = All[name]();
        (options.FeatureColumnName, options.Epochs, options.LearningRate, options.Threads) = (features, 15, 1e-2f, 1);
        (options.LabelColumnName, var trainer) = Trainer(context, options);
        return trainer(data);
    }

    private static (string Label, Func<IDataView, ISingleFeaturePredictionTransformer<object>> Fit) Trainer(MLContext context, NetworkTrainerOptions options)
    {
        switch (options)
        {
            case DeqTrainerOptions deq: deq.HiddenSize = 8; break;
            case FnnTrainerOptions fnn: fnn.HiddenSizes = [8]; break;
        }
        return options switch
        {
            DeqRegressionTrainer.Options o => ("Label", data => context.Regression.Trainers.Deq(o).Fit(data)),
            DeqBinaryTrainer.Options o => ("Flag", data => context.BinaryClassification.Trainers.Deq(o).Fit(data)),
            DeqMulticlassTrainer.Options o => ("Class", data => context.MulticlassClassification.Trainers.Deq(o).Fit(data)),
            FnnRegressionTrainer.Options o => ("Label", data => context.Regression.Trainers.Fnn(o).Fit(data)),
            FnnBinaryTrainer.Options o => ("Flag", data => context.BinaryClassification.Trainers.Fnn(o).Fit(data)),
            FnnMulticlassTrainer.Options o => ("Class", data => context.MulticlassClassification.Trainers.Fnn(o).Fit(data)),
            _ => throw new NotSupportedException(options.GetType().Name),
        };
    }

    /// <summary>What the model gives in float64.</summary>
    public static Outputs Reference(object model, IReadOnlyList<ExportRow> rows)
    {
        var network = ((Deq.MLNet.Trainers.INetworkModel)model).Network;
        switch (model)
        {
            case NetworkBinaryModelParameters binary:
                var (slope, offset) = binary.Calibration is { } c ? (c.Slope, c.Offset) : (1, 0);
                double[] scores = [.. rows.Select(r => OnnxCases.ReferenceAffine(network, r.Features)[0])];
                return new Outputs(scores, [.. scores.Select(s => 1 / (1 + Math.Exp(-(slope * s + offset))))], [.. scores.Select(s => s > 0 ? 1u : 0)]);
            case NetworkMulticlassModelParameters:
                var all = rows.Select(r => OnnxCases.Reference(network, r.Features)).ToList();
                return new Outputs([.. all.SelectMany(p => p)], null, [.. all.Select(p => (uint)Array.IndexOf(p, p.Max()) + 1)]);
            default:
                return new Outputs(OnnxCases.Reference(network, [.. rows.SelectMany(r => r.Features)]), null, null);
        }
    }

    /// <summary>Scores rows in ONNX Runtime.</summary>
    public static Outputs Run(byte[] model, IReadOnlyList<ExportRow> rows)
    {
        using var session = OnnxCases.Open(model);
        var tensor = new DenseTensor<float>(rows.SelectMany(r => r.Features).ToArray(), [rows.Count, FeatureCount]);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor(session.InputNames.Single(), tensor)]);
        var values = results.ToDictionary(r => r.Name);
        double[]? Floats(string name) => values.TryGetValue(name, out var value) ? [.. value.AsTensor<float>().Select(v => (double)v)] : null;
        var label = values.TryGetValue("PredictedLabel.output", out var found) ? found : null;
        session.OutputMetadata.Values.Should().OnlyContain(o => o.Dimensions.Length == 2 && o.SymbolicDimensions[0] == "B");
        return new Outputs(Floats("Score.output")!, Floats("Probability.output"),
            label is null ? null : label.ElementType == TensorElementType.Bool ? [.. label.AsTensor<bool>().Select(b => b ? 1u : 0)] : [.. label.AsTensor<uint>()]);
    }

    /// <summary>Checks that each number is within 1e-5 of the largest, and each label that of the reference where its margin says so.</summary>
    public static void ShouldBe(this Outputs actual, Outputs expected, double share = 1e-5)
    {
        var error = LargestError(actual.Score, expected.Score);
        error.Should().BeLessThanOrEqualTo(share * expected.Score.Max(Math.Abs));
        (actual.Probability is null).Should().Be(expected.Probability is null);
        if (expected.Probability is not null)
        {
            LargestError(actual.Probability!, expected.Probability).Should().BeLessThanOrEqualTo(share * expected.Probability.Max());
        }
        (actual.Label is null).Should().Be(expected.Label is null);
        if (expected.Label is null)
        {
            return;
        }
        actual.Label.Should().HaveSameCount(expected.Label);
        var width = expected.Score.Length / expected.Label.Length;
        for (var row = 0; row < expected.Label.Length; row++)
        {
            var scores = expected.Score.AsSpan(row * width, width).ToArray().Order().ToArray();
            var margin = width == 1 ? Math.Abs(scores[0]) : scores[^1] - scores[^2];
            (margin <= 2 * error || actual.Label![row] == expected.Label[row]).Should().BeTrue("the margin of row {0} is {1}", row, margin);
        }
        expected.Label.Distinct().Should().HaveCountGreaterThan(1);
    }

    public static double LargestError(double[] actual, double[] expected)
    {
        actual.Should().HaveSameCount(expected);
        return actual.Zip(expected, (a, e) => double.IsNaN(a) ? double.PositiveInfinity : Math.Abs(a - e)).Max();
    }
}
