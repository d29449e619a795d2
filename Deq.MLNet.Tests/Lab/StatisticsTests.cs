using Deq.MLNet.Samples.Lab;

namespace Deq.MLNet.Tests.Lab;

public class StatisticsTests
{
    [Fact]
    public void Quantiles_are_interpolated_between_sorted_values()
    {
        double[] values = [4, 1, 3, 2];
        Statistics.Median(values).Should().Be(2.5);
        Statistics.Quantile(values, 0).Should().Be(1);
        Statistics.Quantile(values, 0.25).Should().Be(1.75);
        Statistics.Quantile(values, 1).Should().Be(4);
        Statistics.Median([7]).Should().Be(7);
        Statistics.StandardDeviation(values).Should().BeApproximately(Math.Sqrt(5.0 / 3), 1e-15);
        Statistics.StandardDeviation([7]).Should().Be(0);
    }

    [Fact]
    public void A_run_that_failed_counts_as_the_worst()
    {
        Statistics.Median([1, double.NaN, 2]).Should().Be(2);
        Statistics.Quantile([1, double.NaN, 2], 1).Should().Be(double.PositiveInfinity);
        Statistics.Median([1, double.NaN, double.NaN]).Should().Be(double.PositiveInfinity);
        Statistics.Quantile([1, double.PositiveInfinity, double.PositiveInfinity], 0.75).Should().Be(double.PositiveInfinity);
    }
}
