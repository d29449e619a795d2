namespace Deq.MLNet.Tests.Training;

public sealed class LearningRateScheduleTests
{
    [Fact]
    public void A_constant_schedule_is_1() =>
        Enumerable.Range(0, 10).Select(b => LearningRateSchedule.Constant.Factor(b, 10)).Should().OnlyContain(f => f == 1);

    [Fact]
    public void A_cosine_falls_from_1_to_its_share() =>
        Enumerable.Range(0, 5).Select(b => Math.Round(LearningRateSchedule.Cosine(0.2f).Factor(b, 4), 6))
            .Should().Equal(1, Math.Round(0.6 + 0.4 * Math.Sqrt(0.5), 6), 0.6, Math.Round(0.6 - 0.4 * Math.Sqrt(0.5), 6), 0.2);

    [Fact]
    public void A_warmup_rises_linearly_and_hands_over_to_the_cosine_at_1()
    {
        var factors = Enumerable.Range(0, 20).Select(b => LearningRateSchedule.Cosine(0, 0.25f).Factor(b, 20)).ToArray();

        factors[..5].Select(f => Math.Round(f, 9)).Should().Equal(Enumerable.Range(1, 5).Select(i => Math.Round(i / 6.0, 9)));
        factors[5..].Should().BeInDescendingOrder();
        factors[5].Should().Be(1);
        factors[19].Should().BeApproximately((1 + Math.Cos(Math.PI * 14 / 15)) / 2, 1e-12);
    }

    [Theory]
    [InlineData(-0.1f, 0f)]
    [InlineData(1f, 0f)]
    [InlineData(0f, 1f)]
    [InlineData(float.NaN, 0f)]
    public void Shares_out_of_range_are_refused(float final, float warmup) =>
        FluentActions.Invoking(() => LearningRateSchedule.Cosine(final, warmup)).Should().Throw<ArgumentOutOfRangeException>();
}
