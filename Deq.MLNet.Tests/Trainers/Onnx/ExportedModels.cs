using Deq.MLNet.Tests.Onnx;
using Microsoft.ML;

namespace Deq.MLNet.Tests.Trainers.Onnx;

/// <summary>What a model gives for a batch of rows; Probability for two classes only, Label as a number, 0 or 1 for two classes.</summary>
internal sealed record Outputs(double[] Score, double[]? Probability, uint[]? Label);

/// <summary>Small models of every trainer, loss and link, and what they give in float64 and in ONNX Runtime.</summary>
internal static class ExportedModels
{
    /// <summary>The losses of a task, and what they change of the output; the first is the default.</summary>
    private static readonly (TrainerTask Task, string Name, Action<NetworkTrainerOptions> Set)[] Ways =
    [
        (TrainerTask.Regression, "Squared", _ => { }),
        (TrainerTask.Regression, "Absolute", o => { TrainerCase.SetLoss(o, RegressionLoss.Absolute); Tanh(o); }),
        (TrainerTask.Regression, "Huber", o => TrainerCase.SetLoss(o, RegressionLoss.Huber(2))),
        (TrainerTask.Regression, "Poisson", o => TrainerCase.SetLoss(o, RegressionLoss.Poisson)),
        (TrainerTask.Regression, "Tweedie", o => { TrainerCase.SetLoss(o, RegressionLoss.Tweedie()); Tanh(o); }),
        (TrainerTask.Binary, "Logistic", _ => { }),
        (TrainerTask.Binary, "Balanced, calibrated", o => { TrainerCase.SetClassWeights(o, ClassWeights.Balanced); HoldOut(o); }),
        (TrainerTask.Binary, "Hinge", o => { TrainerCase.SetLoss(o, BinaryLoss.Hinge); Tanh(o); }),
        (TrainerTask.Binary, "Hinge, calibrated", o => { TrainerCase.SetLoss(o, BinaryLoss.Hinge); HoldOut(o); }),
        (TrainerTask.Binary, "Focal, calibrated", o => { TrainerCase.SetLoss(o, BinaryLoss.Focal()); HoldOut(o); }),
        (TrainerTask.Multiclass, "Cross-entropy", _ => { }),
        (TrainerTask.Multiclass, "Smoothed, weights given", o => { TrainerCase.SetLoss(o, MulticlassLoss.CrossEntropy(0.1f)); TrainerCase.SetClassWeights(o, ClassWeights.Given(1, 2, 3)); Tanh(o); }),
    ];

    /// <summary>Every trainer with every loss.</summary>
    public static TheoryData<TrainerCase, string> Cases
    {
        get
        {
            var data = new TheoryData<TrainerCase, string>();
            foreach (var (trainer, way) in from trainer in TrainerCase.All from way in Ways where way.Task == trainer.Task select (trainer, way.Name))
            {
                data.Add(trainer, way);
            }
            return data;
        }
    }

    /// <summary>A model with one of the losses, or the default.</summary>
    public static AnyModel Fit(TrainerCase trainer, string? way = null, string features = "Features")
    {
        var context = new MLContext(1);
        var rows = TrainerSetup.Rows(300);
        if (trainer.IsRegression)
        {
            // Some losses need labels that are not negative.
            Array.ForEach(rows, row => row.Label = MathF.Exp(row.Label / 4));
        }
        return trainer.Trainer(context, o =>
        {
            (o.FeatureColumnName, o.Epochs) = (features, 15);
            Ways.First(w => w.Task == trainer.Task && w.Name == (way ?? w.Name)).Set(o);
        }).Fit(Named(trainer.View(context, rows), features));
    }

    /// <summary>The data with its features also under another name.</summary>
    public static IDataView Named(IDataView data, string features) => features == "Features" ? data : new MLContext(1).Transforms.CopyColumns(features, "Features").Fit(data).Transform(data);

    /// <summary>What the model gives in float64.</summary>
    public static Outputs Reference(AnyModel model, IReadOnlyList<TrainerRow> rows)
    {
        var scores = model.Model.Network.Reference(rows);
        switch (model.Model)
        {
            case NetworkBinaryModelParameters binary:
                var (slope, offset) = binary.Calibration is { } c ? (c.Slope, c.Offset) : (1, 0);
                return new Outputs(scores, [.. scores.Select(s => Float64.Logistic(slope * s + offset))], [.. scores.Select(s => s > 0 ? 1u : 0)]);
            case NetworkMulticlassModelParameters:
                return new Outputs(scores, null, [.. scores.Chunk(model.Model.Network.OutputSize).Select(p => (uint)Array.IndexOf(p, p.Max()) + 1)]);
            default:
                return new Outputs(scores, null, null);
        }
    }

    /// <summary>What a file of that input gives for rows in ONNX Runtime.</summary>
    public static Outputs Run(byte[] model, IReadOnlyList<TrainerRow> rows, string input = "Features")
    {
        using var session = OnnxCases.Open(model);
        session.InputNames.Should().Equal(input);
        session.OutputMetadata.Values.Should().OnlyContain(o => o.Dimensions.Length == 2 && o.SymbolicDimensions[0] == "B");
        var values = OnnxCases.Run(session, input, [.. rows.SelectMany(r => r.Features)], TrainerSetup.FeatureCount);
        return new Outputs(Linear.ToDouble(values["Score.output"]), values.TryGetValue("Probability.output", out var probabilities) ? Linear.ToDouble(probabilities) : null,
            values.TryGetValue("PredictedLabel.output", out var labels) ? [.. labels.Select(label => (uint)label)] : null);
    }

    /// <summary>Checks that each number is within 1e-5 of the largest, and each label that of the reference where its margin says so.</summary>
    public static void ShouldBe(this Outputs actual, Outputs expected, double share = 1e-5)
    {
        var error = actual.Score.LargestDifference(expected.Score);
        error.Should().BeLessThanOrEqualTo(share * expected.Score.Max(Math.Abs));
        (actual.Probability is null).Should().Be(expected.Probability is null);
        if (expected.Probability is not null)
        {
            actual.Probability!.LargestDifference(expected.Probability).Should().BeLessThanOrEqualTo(share * expected.Probability.Max());
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

    private static void Tanh(NetworkTrainerOptions options)
    {
        switch (options)
        {
            case DeqTrainerOptions deq: deq.Activation = Activation.Tanh; break;
            case FnnTrainerOptions fnn: fnn.Activation = Activation.Tanh; break;
        }
    }

    private static void HoldOut(NetworkTrainerOptions options) => options.ValidationFraction = 0.3f;
}
