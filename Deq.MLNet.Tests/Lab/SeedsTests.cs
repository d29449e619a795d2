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
    public void The_rate_of_the_least_loss_is_chosen_and_one_that_diverges_is_the_worst()
    {
        Tuning.Choose([1, 2, 3, 4], rate => rate == 4 ? double.NaN : Math.Abs(rate - 2.9)).Should().Be(3);
        Tuning.Choose([5], _ => throw new InvalidOperationException("nothing is to be chosen")).Should().Be(5);
    }
}
