using Deq.MLNet.Training;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>Whether a Probability may be read as one: after losses and weights that do not make it so, by Platt's two numbers.</summary>
public sealed class CalibrationTests
{
    private readonly MLContext _context = new(1);

    public static TheoryData<TrainerCase, string> Uncalibrated()
    {
        var all = new TheoryData<TrainerCase, string>();
        foreach (var trainer in TrainerCase.All.Where(c => c.Task == TrainerTask.Binary))
        {
            foreach (var name in Losses.Keys)
            {
                all.Add(trainer, name);
            }
        }
        return all;
    }

    /// <summary>What makes scores that are no log-odds.</summary>
    private static readonly Dictionary<string, (BinaryLoss Loss, ClassWeights? Weights)> Losses = new()
    {
        ["hinge"] = (BinaryLoss.Hinge, null),
        ["focal"] = (BinaryLoss.Focal(3), null),
        ["logistic, classes weighted"] = (BinaryLoss.Logistic, ClassWeights.Given(1, 8)),
    };

    [Theory]
    [MemberData(nameof(Uncalibrated))]
    public void Validation_rows_make_probabilities_as_good_as_the_scores_allow(TrainerCase trainer, string name)
    {
        var (loss, weights) = Losses[name];
        var model = Fit(trainer, loss, weights, Rows(1_500, 1), Rows(1_000, 2));
        var (scores, probabilities, labels) = Score(model, Rows(6_000, 3));

        model.Model.IsCalibrated.Should().BeTrue();
        var calibration = model.Model.Calibration!;
        var best = Best(scores, labels);
        var optimal = LogLoss(scores.Select(s => Float64.Logistic(best.Slope * s + best.Offset)), labels);
        var plain = LogLoss(scores.Select(s => Float64.Logistic(s)), labels);
        var actual = LogLoss(probabilities.Select(p => (double)p), labels);
        actual.Should().BeInRange(optimal, optimal + 0.006, "plain {0}", plain);
        plain.Should().BeGreaterThan(actual + 0.015, "the scores are no log-odds");
        probabilities.LargestDifference(scores.Select(s => Float64.Logistic(calibration.Slope * s + calibration.Offset))).Should().BeLessThan(1e-6);
    }

    /// <summary>On the rows it was fitted to, the calibration is the best there is for Platt's targets, which lie a little inside 0 and 1.</summary>
    [Theory]
    [MemberData(nameof(Uncalibrated))]
    public void The_two_numbers_are_those_of_the_least_log_loss_over_the_validation_rows(TrainerCase trainer, string name)
    {
        var (loss, weights) = Losses[name];
        var validation = Rows(1_000, 2, weighted: true);
        var model = Fit(trainer, loss, weights, Rows(1_000, 1, weighted: true), validation);
        var (scores, _, labels) = Score(model, validation);
        float[] rowWeights = [.. validation.Select(r => r.Weight)];
        var (total, positives) = (rowWeights.Sum(w => (double)w), labels.Zip(rowWeights, (label, w) => label * w).Sum());
        double[] targets = [.. labels.Select(label => label > 0 ? (positives + 1) / (positives + 2) : 1 / (total - positives + 2))];

        var best = Best(scores, targets, rowWeights);
        double At(double slope, double offset) => LogLoss(scores.Select(s => Float64.Logistic(slope * s + offset)), targets, rowWeights);

        var actual = model.Model.Calibration!;
        At(actual.Slope, actual.Offset).Should().BeApproximately(At(best.Slope, best.Offset), 1e-9);
        At(1.05 * best.Slope, best.Offset).Should().BeGreaterThan(At(best.Slope, best.Offset) + 1e-6, "the bound above tells");
    }

    [Theory, AllTrainers(TrainerTask.Binary)]
    public void Without_validation_rows_such_a_probability_is_not_called_calibrated(TrainerCase trainer)
    {
        foreach (var (loss, weights) in Losses.Values)
        {
            var model = Fit(trainer, loss, weights, Rows(200, 1), null);

            (model.Model.IsCalibrated, model.Model.Calibration).Should().Be((false, null));
            var (scores, probabilities, _) = Score(model, Rows(50, 2));
            probabilities.LargestDifference(scores.Select(s => Float64.Logistic(s))).Should().BeLessThan(1e-6);
        }
    }

    [Theory, AllTrainers(TrainerTask.Binary)]
    public void The_logistic_loss_is_calibrated_by_itself(TrainerCase trainer)
    {
        foreach (var validation in new[] { null, Rows(200, 2) })
        {
            foreach (var loss in new[] { BinaryLoss.Logistic, BinaryLoss.Focal(0) })
            {
                var model = Fit(trainer, loss, null, Rows(400, 1), validation);
                (model.Model.IsCalibrated, model.Model.Calibration).Should().Be((true, null), "{0}", loss);
            }
        }
    }

    /// <summary>The rows held out by ValidationFraction serve as well as those given.</summary>
    [Theory, AllTrainers(TrainerTask.Binary)]
    public void A_held_out_share_calibrates_too(TrainerCase trainer)
    {
        var model = Fit(trainer, BinaryLoss.Hinge, null, Rows(1_500, 1), null, validationFraction: 0.4f);

        model.Model.IsCalibrated.Should().BeTrue();
        var (scores, probabilities, labels) = Score(model, Rows(4_000, 3));
        LogLoss(probabilities.Select(p => (double)p), labels).Should().BeLessThan(LogLoss(scores.Select(s => Float64.Logistic(s)), labels) - 0.015);
    }

    private BinaryPredictionTransformer<NetworkBinaryModelParameters> Fit(TrainerCase trainer, BinaryLoss loss, ClassWeights? weights, TrainerRow[] rows, TrainerRow[]? validation, float validationFraction = 0) =>
        (BinaryPredictionTransformer<NetworkBinaryModelParameters>)trainer.Trainer(_context, o =>
        {
            TrainerCase.SetLoss(o, loss);
            TrainerCase.SetClassWeights(o, weights);
            (o.Epochs, o.BatchSize, o.ValidationFraction, o.ExampleWeightColumnName) = (10, 64, validationFraction, "Weight");
        }).Fit(trainer.View(_context, rows), validation is null ? null : trainer.View(_context, validation));

    private static (float[] Scores, float[] Probabilities, double[] Labels) Score(ITransformer model, TrainerRow[] rows) =>
        (model.Scores(rows), model.Scores(new MLContext(1).View(rows), "Probability"), [.. rows.Select(r => r.Label > 0 ? 1.0 : 0)]);

    /// <summary>True with the probability logistic(8 x0 - 5 x1 - 2): about a third.</summary>
    private static TrainerRow[] Rows(int count, int seed, bool weighted = false)
    {
        var random = new Random(seed);
        var values = RandomCell.Values(random, 2 * count, 0.7);
        return [.. values.Chunk(2).Select(x => new TrainerRow
        {
            Features = [100 * x[0] + 5_000, x[1], 0, 0],
            Label = random.NextDouble() < Float64.Logistic(8 * x[0] - 5 * x[1] - 2) ? 10 : -10,
            Weight = weighted ? 0.1f + 2 * random.NextSingle() : 1,
        })];
    }

    /// <summary>Slope and offset of the least log-loss.</summary>
    private static (double Slope, double Offset) Best(float[] scores, double[] targets, float[]? weights = null) =>
        LinearModel.Logistic(new TrainingData(1, 1, scores, Linear.ToFloat(targets), weights)) is [var slope, var offset] ? (slope, offset) : default;

    private static double LogLoss(IEnumerable<double> probabilities, double[] targets, float[]? weights = null)
    {
        var losses = probabilities.Zip(targets, (p, t) => -(t == 0 ? 0 : t * Math.Log(p)) - (t == 1 ? 0 : (1 - t) * Math.Log(1 - p))).ToArray();
        return weights is null ? losses.Average() : losses.Zip(weights, (l, w) => l * w).Sum() / weights.Sum(w => (double)w);
    }
}
