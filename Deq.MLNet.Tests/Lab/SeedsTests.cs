using Deq.MLNet.Samples.Lab;

namespace Deq.MLNet.Tests.Lab;

public class SeedsTests
{
    [Fact]
    public void They_run_once_each_and_come_back_in_order() => Seeds.ForEach(3, 40, seed => seed).Should().Equal(Enumerable.Range(3, 40));

    [Fact]
    public void An_error_of_one_is_thrown_as_it_is()
    {
        var run = () => Seeds.ForEach(0, 5, seed => seed == 3 ? throw new DivergenceException("far away") : seed);
        run.Should().Throw<DivergenceException>().WithMessage("far away");
    }

    [Fact]
    public void They_are_told_from_the_first_to_the_last()
    {
        Seeds.Told(100, 5).Should().Be("100 to 104");
        Seeds.Told(7, 1).Should().Be("7");
    }

    [Fact]
    public void What_several_networks_give_comes_back_in_order_and_no_more_run_at_a_time_than_there_are_processors()
    {
        var (running, most, key) = (0, 0, new Lock());
        var found = Seeds.Together(Enumerable.Range(0, 5).ToList(), network => Seeds.ForEach(10 * network, 4, seed =>
        {
            lock (key)
                most = Math.Max(most, ++running);
            Thread.Sleep(2);
            lock (key)
                running--;
            return seed;
        }));
        found.SelectMany(seeds => seeds).Should().Equal(Enumerable.Range(0, 5).SelectMany(network => Enumerable.Range(10 * network, 4)));
        most.Should().BeInRange(1, Environment.ProcessorCount);
    }

    [Fact]
    public void An_error_within_one_of_several_is_thrown_as_it_is()
    {
        var run = () => Seeds.Together([1, 2], (int network) => Seeds.ForEach(0, 3, seed => seed == network ? throw new DivergenceException("far away") : seed));
        run.Should().Throw<DivergenceException>().WithMessage("far away");
        // And what it held is free again.
        Seeds.ForEach(0, 2 * Environment.ProcessorCount, seed => seed).Should().HaveCount(2 * Environment.ProcessorCount);
    }

    [Fact]
    public void A_training_that_diverges_fails_alone() =>
        Seeds.ForEach(0, 3, seed => Seeds.Try(() => seed == 1 ? throw new DivergenceException("far away") : (double)seed, double.NaN)).Should().Equal(0, double.NaN, 2);
}
