using Deq.MLNet.Tests.References;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>Whether a Probability may be read as one: after losses and weights that do not make it so, by Platt's two numbers.</summary>
public sealed class CalibrationTests
{
    private readonly MLContext _context = new(1);

    public static TheoryData<TrainerKind, string> Uncalibrated()
    {
        var all = new TheoryData<TrainerKind, string>();
        foreach (var kind in Enum.GetValues<TrainerKind>())
        {
            foreach (var name in Losses.Keys)
            {
                all.Add(kind, name);
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
    public void Validation_rows_make_probabilities_as_good_as_the_scores_allow(TrainerKind kind, string name)
    {
        var (loss, weights) = Losses[name];
        var model = Fit(kind, loss, weights, Rows(1_500, 1), Rows(1_000, 2));
        var (scores, probabilities, labels) = Score(model, Rows(6_000, 3));

        model.Model.IsCalibrated.Should().BeTrue();
        var calibration = model.Model.Calibration!;
        var best = Best(scores, labels);
        var optimal = LogLoss(scores.Select(s => Logistic(best.Slope * s + best.Offset)), labels);
        var plain = LogLoss(scores.Select(s => Logistic(s)), labels);
        var actual = LogLoss(probabilities.Select(p => (double)p), labels);
        actual.Should().BeInRange(optimal, optimal + 0.006, "plain {0}", plain);
        plain.Should().BeGreaterThan(actual + 0.015, "the scores are no log-odds");
        probabilities.Zip(scores, (p, s) => Math.Abs(p - Logistic(calibration.Slope * s + calibration.Offset))).Max().Should().BeLessThan(1e-6);
    }

    /// <summary>On the rows it was fitted to, the calibration is the best there is for Platt's targets, which lie a little inside 0 and 1.</summary>
    [Theory]
    [MemberData(nameof(Uncalibrated))]
    public void The_two_numbers_are_those_of_the_least_log_loss_over_the_validation_rows(TrainerKind kind, string name)
    {
        var (loss, weights) = Losses[name];
        var validation = Rows(1_000, 2, weighted: true);
        var model = Fit(kind, loss, weights, Rows(1_000, 1, weighted: true), validation);
        var (scores, _, labels) = Score(model, validation);
        double[] rowWeights = [.. validation.Select(r => (double)r.Weight)];
        var positives = labels.Zip(rowWeights, (label, w) => label * w).Sum();
        double[] targets = [.. labels.Select(label => label > 0 ? (positives + 1) / (positives + 2) : 1 / (rowWeights.Sum() - positives + 2))];

        var best = Best(scores, targets, rowWeights);
        double At(double slope, double offset) => LogLoss(scores.Select(s => Logistic(slope * s + offset)), targets, rowWeights);

        var actual = model.Model.Calibration!;
        At(actual.Slope, actual.Offset).Should().BeApproximately(At(best.Slope, best.Offset), 1e-9);
        At(1.05 * best.Slope, best.Offset).Should().BeGreaterThan(At(best.Slope, best.Offset) + 1e-6, "the bound above tells");
    }

    [Theory, BothTrainers]
    public void Without_validation_rows_such_a_probability_is_not_called_calibrated(TrainerKind kind)
    {
        foreach (var (loss, weights) in Losses.Values)
        {
            var model = Fit(kind, loss, weights, Rows(200, 1), null);

            (model.Model.IsCalibrated, model.Model.Calibration).Should().Be((false, null));
            var (scores, probabilities, _) = Score(model, Rows(50, 2));
            probabilities.Zip(scores, (p, s) => Math.Abs(p - Logistic(s))).Max().Should().BeLessThan(1e-6);
        }
    }

    [Theory, BothTrainers]
    public void The_logistic_loss_is_calibrated_by_itself(TrainerKind kind)
    {
        foreach (var validation in new[] { null, Rows(200, 2) })
        {
            foreach (var loss in new[] { BinaryLoss.Logistic, BinaryLoss.Focal(0) })
            {
                var model = Fit(kind, loss, null, Rows(400, 1), validation);
                (model.Model.IsCalibrated, model.Model.Calibration).Should().Be((true, null), "{0}", loss);
            }
        }
    }

    /// <summary>The rows held out by ValidationFraction serve as well as those given.</summary>
    [Theory, BothTrainers]
    public void A_held_out_share_calibrates_too(TrainerKind kind)
    {
        var model = Fit(kind, BinaryLoss.Hinge, null, Rows(1_500, 1), null, validationFraction: 0.4f);

        model.Model.IsCalibrated.Should().BeTrue();
        var (scores, probabilities, labels) = Score(model, Rows(4_000, 3));
        LogLoss(probabilities.Select(p => (double)p), labels).Should().BeLessThan(LogLoss(scores.Select(s => Logistic(s)), labels) - 0.015);
    }

    private BinaryPredictionTransformer<NetworkBinaryModelParameters> Fit(TrainerKind kind, BinaryLoss loss, ClassWeights? weights, BinaryRow[] rows, BinaryRow[]? validation, float validationFraction = 0)
    {
        NetworkTrainerOptions options = kind == TrainerKind.Deq
            ? new DeqBinaryTrainer.Options { HiddenSize = 6, Loss = loss, ClassWeights = weights }
            : new FnnBinaryTrainer.Options { HiddenSizes = [6], Loss = loss, ClassWeights = weights };
        (options.Epochs, options.BatchSize, options.LearningRate, options.Threads, options.ValidationFraction, options.ExampleWeightColumnName) = (10, 64, 1e-2f, 1, validationFraction, "Weight");
        NetworkBinaryTrainer trainer = options is DeqBinaryTrainer.Options deq
            ? _context.BinaryClassification.Trainers.Deq(deq)
            : _context.BinaryClassification.Trainers.Fnn((FnnBinaryTrainer.Options)options);
        return trainer.Fit(_context.Data.LoadFromEnumerable(rows), validationData: validation is null ? null : _context.Data.LoadFromEnumerable(validation));
    }

    private (float[] Scores, float[] Probabilities, double[] Labels) Score(BinaryPredictionTransformer<NetworkBinaryModelParameters> model, BinaryRow[] rows)
    {
        var scored = model.Transform(_context.Data.LoadFromEnumerable(rows));
        return ([.. scored.GetColumn<float>("Score")], [.. scored.GetColumn<float>("Probability")], [.. rows.Select(r => r.Label ? 1.0 : 0)]);
    }

    /// <summary>True with the probability logistic(8 x0 - 5 x1 - 2): about a third.</summary>
    private static BinaryRow[] Rows(int count, int seed, bool weighted = false)
    {
        var random = new Random(seed);
        var values = RandomCell.Values(random, 2 * count, 0.7);
        return [.. values.Chunk(2).Select(x => new BinaryRow
        {
            Features = [100 * x[0] + 5_000, x[1]],
            Label = random.NextDouble() < Logistic(8 * x[0] - 5 * x[1] - 2),
            Weight = weighted ? 0.1f + 2 * random.NextSingle() : 1,
        })];
    }

    /// <summary>Slope and offset of the least log-loss, by Newton's method.</summary>
    private static (double Slope, double Offset) Best(float[] scores, double[] targets, double[]? weights = null)
    {
        var (slope, offset) = (0.0, 0.0);
        for (var step = 0; step < 50; step++)
        {
            double gs = 0, go = 0, hss = 0, hso = 0, hoo = 0;
            for (var i = 0; i < scores.Length; i++)
            {
                var (s, w) = ((double)scores[i], weights?[i] ?? 1);
                var p = Logistic(slope * s + offset);
                var (first, second) = (w * (p - targets[i]), w * p * (1 - p));
                (gs, go) = (gs + first * s, go + first);
                (hss, hso, hoo) = (hss + second * s * s, hso + second * s, hoo + second);
            }
            var change = Linear.Solve([hss, hso, hso, hoo], [gs, go]);
            (slope, offset) = (slope - change[0], offset - change[1]);
        }
        return (slope, offset);
    }

    private static double LogLoss(IEnumerable<double> probabilities, double[] targets, double[]? weights = null)
    {
        var losses = probabilities.Zip(targets, (p, t) => -(t == 0 ? 0 : t * Math.Log(p)) - (t == 1 ? 0 : (1 - t) * Math.Log(1 - p))).ToArray();
        return weights is null ? losses.Average() : losses.Zip(weights, (l, w) => l * w).Sum() / weights.Sum();
    }

    private static double Logistic(double s) => 1 / (1 + Math.Exp(-s));

    private sealed class BinaryRow
    {
        [VectorType(2)]
        public float[] Features { get; set; } = [];

        public bool Label { get; set; }

        public float Weight { get; set; } = 1;
    }
}
