using CsCheck;
using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

public sealed class PlattTests
{
    /// <summary>The score is the feature.</summary>
    private static readonly FnnNetwork Network = new([new DenseLayer(new float[] { 1 }, new float[] { 0 })], Activation.ReLU);

    /// <summary>Scores of any unit, from those that say nothing of the labels to those that separate them.</summary>
    private static readonly Gen<TrainingData> Rows =
        from count in Gen.Int[1, 60]
        from unit in Gen.OneOfConst(1e-6, 1.0, 50.0, 1e6)
        from told in Gen.OneOfConst(-1.0, 0.0, 1.0, 30.0)
        from scores in Gen.Double[-1, 1].Array[count]
        from noise in Gen.Double[-1, 1].Array[count]
        from weights in Gen.Float[0.1f, 5].Array[count]
        from weighted in Gen.Bool
        select new TrainingData(1, 1, [.. scores.Select(s => (float)(unit * s))], [.. scores.Zip(noise, (s, e) => told * s + e > 0 ? 1f : 0)], weighted ? weights : null);

    /// <summary>The log-loss is convex: where its gradient is zero, it is least.</summary>
    [Fact]
    public void At_the_two_numbers_the_gradient_of_the_log_loss_is_zero() => Rows.Sample(rows =>
    {
        var fitted = Platt.Fit(Network, rows, new RecordingMonitor())!;

        double OfClass(bool positive) => Enumerable.Range(0, rows.Rows).Where(r => rows.Targets[r] > 0 == positive).Sum(rows.Weight) * rows.Rows / rows.TotalWeight;
        var errors = Enumerable.Range(0, rows.Rows).Select(r =>
            rows.Weight(r) * (Float64.Logistic(fitted.Slope * rows.Features[r] + fitted.Offset) - (rows.Targets[r] > 0 ? (OfClass(true) + 1) / (OfClass(true) + 2) : 1 / (OfClass(false) + 2)))).ToArray();
        var total = rows.TotalWeight;
        errors.Sum().Should().BeApproximately(0, 1e-6 * total, "{0}", fitted);
        errors.Zip(rows.Features, (e, s) => e * s).Sum().Should().BeApproximately(0, 1e-6 * total * rows.Features.Max(Math.Abs), "{0}", fitted);
    }, iter: LongForm.Times(500));

    [Theory]
    [InlineData(0f)]
    [InlineData(3f)]
    [InlineData(-1e5f)]
    public void Scores_that_are_all_the_same_give_the_share_of_true(float score)
    {
        var fitted = Platt.Fit(Network, new TrainingData(1, 1, [score, score, score, score], [1, 1, 1, 0], null), new RecordingMonitor())!;
        // Platt's targets for three rows and one: 4/5 and 1/3.
        fitted.Probability(score).Should().BeApproximately((3 * 4 / 5f + 1 / 3f) / 4, 1e-5f);
    }

    /// <summary>One such score once made both numbers NaN, and the model could be saved but not loaded.</summary>
    [Fact]
    public void A_row_without_a_finite_score_is_left_out_and_told()
    {
        // z = max(0, 30 z + x - 1.5): above 1.5 the state runs away, below it stays 0.
        var diverging = new DeqNetwork([30], [1], [-1.5f], [1], [0.25f], Activation.ReLU, scoring: new EquilibriumSettings(new Picard()));
        var rows = new TrainingData(1, 1, [-1, 0, 1, 2, 3, 1], [0, 1, 1, 0, 0, 1], [1, 2, 1, 1, 1, 3]);
        var monitor = new RecordingMonitor();

        var fitted = Platt.Fit(diverging, rows, monitor);

        fitted.Should().Be(Platt.Fit(diverging, rows.Select([0, 1, 2, 5]), new RecordingMonitor()));
        fitted!.Probability(0.25f).Should().BeInRange(0.6f, 0.9f);
        monitor.Warnings.Should().ContainSingle().Which.Should().StartWith("2 of 6 validation rows have no finite score");
        Platt.Fit(diverging, rows.Select([3, 4]), new RecordingMonitor()).Should().BeNull();
        FluentActions.Invoking(() => new PlattCalibration(double.NaN, 0)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => new PlattCalibration(1, double.PositiveInfinity)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void Fitting_heeds_a_cancellation() =>
        FluentActions.Invoking(() => Platt.Fit(Network, new TrainingData(1, 1, [-1, 0, 2], [1, 1, 1], null), new RecordingMonitor(cancelAtBatch: 0))).Should().Throw<OperationCanceledException>();

    [Fact]
    public void One_class_alone_has_a_finite_answer()
    {
        var fitted = Platt.Fit(Network, new TrainingData(1, 1, [-1, 0, 2], [1, 1, 1], null), new RecordingMonitor())!;
        new[] { -1f, 0, 2 }.Should().OnlyContain(s => Math.Abs(fitted.Probability(s) - 0.8f) < 1e-5f);
    }
}
