using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

public sealed class LearningRateScheduleTests
{
    private static double[] Factors(LearningRateSchedule schedule, int batches) =>
        [.. Enumerable.Range(0, batches).Select(batch => schedule.Factor(new TrainingPosition(batch, batches)))];

    /// <summary>The factors before each epoch, and after the last, given the losses of all epochs.</summary>
    private static double[] After(LearningRateSchedule schedule, double[] training, double[]? validation = null)
    {
        var epochs = training.Select((loss, i) => new TrainingEpoch(i + 1, loss, validation?[i], 0, null, 0.1, 0, 0, 0, 0, 0, 0, 0, 0)).ToArray();
        return [.. Enumerable.Range(0, epochs.Length + 1).Select(done => schedule.After(epochs[..done]).Factor(new TrainingPosition(done, epochs.Length)))];
    }

    private static double HalfCosine(double from, double to, double share) => from + (to - from) * (1 - Math.Cos(Math.PI * share)) / 2;

    private static void Same(IEnumerable<double> factors, IEnumerable<double> expected) =>
        factors.Select(f => Math.Round(f, 10)).Should().Equal(expected.Select(f => Math.Round(f, 10)));

    [Fact]
    public void A_constant_schedule_is_1() => Factors(LearningRateSchedule.Constant, 10).Should().OnlyContain(f => f == 1);

    [Fact]
    public void A_cosine_falls_from_1_to_its_share() =>
        Same([.. Factors(LearningRateSchedule.Cosine(0.25f), 4), LearningRateSchedule.Cosine(0.25f).Factor(new TrainingPosition(4, 4))],
            [1, 0.625 + 0.375 * Math.Sqrt(0.5), 0.625, 0.625 - 0.375 * Math.Sqrt(0.5), 0.25]);

    [Fact]
    public void One_cycle_rises_by_half_a_cosine_to_1_and_falls_by_another_far_below_its_start()
    {
        // Of 100 batches the peak is the 40th, and the last of all has the least rate.
        var factors = Factors(LearningRateSchedule.OneCycle(0.4f, 20, 1000), 100);

        Same(factors[..40], Enumerable.Range(0, 40).Select(b => HalfCosine(0.05, 1, b / (0.4f * 100.0 - 1))));
        Same(factors[40..], Enumerable.Range(40, 60).Select(b => HalfCosine(1, 5e-5, (b - (0.4f * 100.0 - 1)) / (99 - (0.4f * 100.0 - 1)))));
        Same([factors[0], factors[99]], [0.05, 5e-5]);
        factors.Max().Should().BeApproximately(1, 1e-9).And.Be(factors[39]);
        Same([Factors(LearningRateSchedule.OneCycle(), 1000)[0], Factors(LearningRateSchedule.OneCycle(), 1000)[^1]], [0.04, 4e-6]);
    }

    [Fact]
    public void One_cycle_without_a_rise_or_with_few_batches_begins_at_its_peak()
    {
        Same(Factors(LearningRateSchedule.OneCycle(0, 1, 2), 3), [1, 0.75, 0.5]);
        Same(Factors(LearningRateSchedule.OneCycle(), 1), [1]);
        Factors(LearningRateSchedule.OneCycle(0.999f), 2).Should().OnlyContain(f => f > 0 && f <= 1);
    }

    [Fact]
    public void A_plateau_cuts_the_rate_after_its_patience_and_waits_anew_after_a_cut()
    {
        // The best is that of the third epoch, until the last.
        double[] losses = [5, 4, 3, 3.5, 3, 3.5, 3.5, 2, 1.9];
        Same(After(LearningRateSchedule.ReduceOnPlateau(0.5f, 2, 0), losses), [1, 1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]);
        Same(After(LearningRateSchedule.ReduceOnPlateau(0.5f, 3, 0), losses), [1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5]);
        Same(After(LearningRateSchedule.ReduceOnPlateau(0.5f, 1, 0, 0.2f), losses), [1, 1, 1, 1, 0.5, 0.25, 0.2f, 0.2f, 0.2f, 0.2f]);
    }

    [Fact]
    public void A_plateau_counts_a_loss_as_better_only_by_more_than_its_share_of_the_best()
    {
        Same(After(LearningRateSchedule.ReduceOnPlateau(0.5f, 1, 0.25f), [4, 3, 2.9]), [1, 1, 0.5, 0.5]);
        Same(After(LearningRateSchedule.ReduceOnPlateau(0.5f, 1, 0.25f), [-4, -5, -5.1]), [1, 1, 0.5, 0.5]);
    }

    [Fact]
    public void A_plateau_goes_by_the_validation_loss_where_there_is_one()
    {
        var schedule = LearningRateSchedule.ReduceOnPlateau(0.5f, 1);
        Same(After(schedule, [3, 2, 1]), [1, 1, 1, 1]);
        Same(After(schedule, [3, 2, 1], [1, 2, 0.5]), [1, 1, 0.5, 0.5]);
    }

    [Fact]
    public void A_warm_up_rises_linearly_and_hands_over_to_the_schedule_at_its_start()
    {
        var factors = Factors(LearningRateSchedule.Cosine().WithWarmUp(0.25f), 20);

        Same(factors[..5], Enumerable.Range(1, 5).Select(i => i / 6.0));
        Same(factors[5..], Factors(LearningRateSchedule.Cosine(), 15));
        Same(Factors(LearningRateSchedule.OneCycle().WithWarmUp(0.5f), 20)[10..], Factors(LearningRateSchedule.OneCycle(), 10));
        Same(Factors(LearningRateSchedule.OneCycle().WithWarmUp(0.5f), 20)[..1], [0.04 / 11]);
        Same(Factors(LearningRateSchedule.Constant.WithWarmUp(0), 3), [1, 1, 1]);
        Same(Factors(LearningRateSchedule.Constant.WithWarmUp(0.99f), 3), [1 / 3.0, 2 / 3.0, 1]);
        Same(After(LearningRateSchedule.ReduceOnPlateau(0.5f, 1).WithWarmUp(0), [1, 2, 3]), [1, 1, 0.5, 0.25]);
    }

    [Fact]
    public void Values_out_of_range_are_refused()
    {
        Action[] calls =
        [
            () => LearningRateSchedule.Cosine(-0.1f), () => LearningRateSchedule.Cosine(1), () => LearningRateSchedule.Cosine(float.NaN),
            () => LearningRateSchedule.OneCycle(1), () => LearningRateSchedule.OneCycle(0.3f, 0.5f), () => LearningRateSchedule.OneCycle(0.3f, 25, float.PositiveInfinity),
            () => LearningRateSchedule.ReduceOnPlateau(0), () => LearningRateSchedule.ReduceOnPlateau(1), () => LearningRateSchedule.ReduceOnPlateau(0.5f, 0),
            () => LearningRateSchedule.ReduceOnPlateau(0.5f, 1, 1), () => LearningRateSchedule.ReduceOnPlateau(0.5f, 1, 0, 1),
            () => LearningRateSchedule.Constant.WithWarmUp(1), () => LearningRateSchedule.Constant.WithWarmUp(-0.1f),
        ];
        foreach (var call in calls)
        {
            call.Should().Throw<ArgumentOutOfRangeException>().Which.Message.Should().NotContain("Check", "it names the parameter");
        }
        FluentActions.Invoking(() => LearningRateSchedule.ReduceOnPlateau(2)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("factor is 2; it must be at least 0 and below 1.*");
    }

    /// <summary>Every batch once replayed the whole history.</summary>
    [Fact]
    public void What_follows_from_the_history_is_worked_out_once_an_epoch()
    {
        double[] losses = [1, 2, 3];
        var epochs = losses.Select((loss, i) => new TrainingEpoch(i + 1, loss, null, 0, null, 0, 0, 0, 0, 0, 0, 0, 0, 0)).ToList();
        var plateau = LearningRateSchedule.ReduceOnPlateau(0.5f, 1);

        plateau.After(epochs).Should().Be(new HeldSchedule(0.25));
        plateau.WithWarmUp(0.5f).After(epochs).Should().Be(new WarmUpSchedule(0.5f, new HeldSchedule(0.25)));
        LearningRateSchedule.Cosine().After(epochs).Should().Be(LearningRateSchedule.Cosine());
    }
}
