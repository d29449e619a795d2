using Deq.MLNet.Samples.Lab;

namespace Deq.MLNet.Tests.Lab;

public class TuningTests
{
    /// <summary>The distance in factors of ten.</summary>
    private static double From(float rate, double best) => Math.Abs(Math.Log10(rate / best));

    [Theory]
    [InlineData(1e-4)]
    [InlineData(1e-3)]
    [InlineData(3e-3)]
    [InlineData(1e-2)]
    [InlineData(1e-1)]
    [InlineData(1)]
    public void The_rate_of_the_least_loss_is_found_wherever_it_lies(double best) =>
        Tuning.Choose((rate, _) => 1 + From(rate, best)).Should().BeApproximately((float)best, 1e-6f * (float)best);

    [Fact]
    public void Beyond_the_least_and_the_largest_it_does_not_go()
    {
        Tuning.Choose((rate, _) => 1 + rate).Should().Be(1e-4f);
        Tuning.Choose((rate, _) => 1 / rate).Should().Be(1);
    }

    [Fact]
    public void Each_rate_is_tried_with_the_same_seeds_and_one_that_is_worse_ends_the_search()
    {
        var tried = new System.Collections.Concurrent.ConcurrentBag<(float Rate, int Seed)>();
        Tuning.Choose((rate, seed) =>
        {
            tried.Add((rate, seed));
            return 1 + From(rate, 1e-2);
        });
        tried.GroupBy(run => run.Rate, run => run.Seed).ToDictionary(rate => rate.Key, rate => rate.Order().ToArray())
            .Should().BeEquivalentTo(new Dictionary<float, int[]> { [3e-3f] = [2_000, 2_001, 2_002], [1e-2f] = [2_000, 2_001, 2_002], [3e-2f] = [2_000, 2_001, 2_002] });
    }

    [Fact]
    public void A_rate_that_diverges_or_suits_one_seed_alone_is_not_chosen()
    {
        Tuning.Choose((rate, _) => rate > 5e-3f ? double.NaN : 1 / rate).Should().Be(3e-3f);
        Tuning.Choose((rate, seed) => rate > 5e-3f ? seed == 2_000 ? 0 : 10 : 1 + From(rate, 3e-3)).Should().Be(3e-3f);
        // Where everything diverges something is chosen, and fails in the test.
        Tuning.Choose((_, _) => double.NaN).Should().Be(3e-3f);
    }

    /// <summary>One of 1e-8 was chosen for its rounding before one of 2e-8, and failed with most seeds.</summary>
    [Fact]
    public void Of_rates_whose_losses_are_exact_the_least_is_chosen()
    {
        Tuning.Choose((rate, _) => rate < 5e-3f ? 2e-8 : 1e-8).Should().Be(3e-3f);
        Tuning.Choose((rate, _) => rate < 5e-2f ? 1e-5 / rate : 1e-9 / rate).Should().Be(1e-1f);
    }
}
