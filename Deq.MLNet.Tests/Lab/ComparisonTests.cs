using Deq.MLNet.Samples.Lab;

namespace Deq.MLNet.Tests.Lab;

public class ComparisonTests
{
    [Theory]
    [InlineData(1.0, "DEQ wins")]
    [InlineData(0.95, "DEQ wins")]
    [InlineData(1.25, "tie")]
    [InlineData(2.0, "DEQ loses")]
    public void It_asks_for_a_tenth_and_for_quartiles_apart(double factor, string verdict)
    {
        double[] deq = [1, 1.1, 1.2, 1.3], fnn = [1.5, 1.5, 1.5, 1.5];
        new Comparison([.. deq.Select(error => factor * error)], fnn).Verdict.Should().Be(verdict);
    }

    [Fact]
    public void A_lower_median_whose_quartiles_overlap_is_a_tie() => new Comparison([1, 1, 9, 9, 1], [2, 2, 2, 2, 2]).Verdict.Should().Be("tie");

    [Theory]
    [InlineData(1e-12, 9e-7, "tie")]
    [InlineData(1e-12, 1.2e-6, "DEQ wins")]
    [InlineData(1e-3, 0, "DEQ loses")]
    public void Errors_below_a_millionth_are_alike(double deq, double fnn, string verdict) => new Comparison([deq, deq], [fnn, fnn]).Verdict.Should().Be(verdict);

    [Theory]
    [InlineData(0.23, 0.25, "neither learns it")]
    [InlineData(0.225, 7, "neither learns it")]
    [InlineData(double.NaN, 0.25, "neither learns it")]
    [InlineData(0.2, 0.25, "DEQ wins")]
    [InlineData(0.25, 0.2, "DEQ loses")]
    public void Two_that_come_to_a_constants_error_learn_nothing(double deq, double fnn, string verdict) =>
        new Comparison([deq, deq, deq], [fnn, fnn, fnn]) { Constant = 0.25 }.Verdict.Should().Be(verdict);

    [Theory]
    [InlineData(true, true, "DEQ loses")]
    [InlineData(true, false, "FNN does not fit")]
    [InlineData(false, true, "DEQ does not fit")]
    [InlineData(false, false, "neither fits")]
    public void Who_does_not_fit_what_it_has_seen_is_not_ahead_on_the_unseen(bool deq, bool fnn, string verdict) =>
        new Comparison([8, 9, 10], [1.7, 1.8, 1.9]) { Fit = (deq, fnn) }.Verdict.Should().Be(verdict);

    [Fact]
    public void A_run_that_failed_is_the_worst()
    {
        new Comparison([double.NaN, double.NaN], [100, 100]).Verdict.Should().Be("DEQ loses");
        new Comparison([double.NaN, double.NaN], [double.NaN, double.NaN]).Verdict.Should().Be("neither learns it");
    }
}
