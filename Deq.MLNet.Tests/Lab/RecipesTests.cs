using Deq.MLNet.Samples.Lab;

namespace Deq.MLNet.Tests.Lab;

public class RecipesTests
{
    private static readonly GrowthRecipe Small = new(RowCount: 16, Candidates: 1);

    [Fact]
    public void Feed_forward_networks_cost_what_a_dense_cell_of_ten_states_costs()
    {
        // 20 iterations of 10 x 10 multiplications and additions, a bias and an activation; U x and V z.
        new DeqSize(10, WellPosedness.Spectral()).Forward.Should().Be(20 * (200 + 20) + 20 + 20).And.Be(4440);
        foreach (var (width, depth) in ((int, int)[])[(740, 1), (45, 2), (32, 3), (23, 5), (17, 8)])
        {
            FnnSize.Of(width, depth).Forward.Should().BeApproximately(4440, 0.03 * 4440, $"{depth} layers of {width}");
        }
        DeqSize.Triangular(10).Forward.Should().Be(150);
    }

    [Fact]
    public void Weights_are_counted_as_networks_have_them()
    {
        foreach (var size in (Size[])[DeqSize.Triangular(3), new DeqSize(3, WellPosedness.Spectral()), FnnSize.Of(4, 1), new FnnSize(5, 3, 2)])
        {
            var network = size.Fit(new Sawtooth(1).Sample(8, seed: 1), new Sawtooth(1), options => options.Epochs = 1).Network!;
            // Of a strictly triangular W half is no weight, and the diagonal.
            size.Parameters.Should().Be(network.ParameterCount - (size is DeqSize { IsTriangular: true } ? 6 : 0), size.Name);
        }
    }

    [Fact]
    public void A_growing_feed_forward_network_has_kinks_for_every_doubling()
    {
        foreach (var (doublings, depth) in ((int, int)[])[(1, 1), (5, 1), (5, 2), (5, 5), (10, 3), (10, 8), (15, 8)])
        {
            var plan = Growth.Fnn(doublings, depth);
            var layers = plan.Stages.Select(stage => ((FnnSize)stage.Size).Layers).ToList();
            layers[^1].Should().HaveCount(Math.Min(doublings, depth));
            // A layer of d doublings has 2 x 2^d units.
            layers[^1].Sum(width => (int)Math.Log2(width) - 1).Should().Be(doublings);
            plan.Stages[^1].Target.Should().Be(new Sawtooth(doublings));
            for (var i = 1; i < layers.Count; i++)
            {
                layers[i].Take(layers[i - 1].Length).Should().Equal(layers[i - 1], "a network grows from the one before");
            }
        }
        Growth.Fnn(5, 5).Stages[^1].Size.Name.Should().Be("FNN 4x5");
        Growth.Deq(5, units: 2).Stages.Select(stage => ((DeqSize)stage.Size).States).Should().Equal(2, 4, 6, 8, 10);
    }

    [Fact]
    public void Growth_spends_the_flops_that_it_is_given()
    {
        Growth deq = Growth.Steeper(DeqSize.Triangular(2), 4), fnn = Growth.Steeper(FnnSize.Of(3, 1), 4);
        var (once, flops) = (Small.FlopsOf(deq), 2.5 * Small.FlopsOf(deq));
        Small.Train(deq, seed: 1, flops).Flops.Should().BeApproximately(2 * once, 1e-6 * once);
        var spent = Small.Train(fnn, seed: 1, flops).Flops;
        spent.Should().BeGreaterThanOrEqualTo(flops).And.BeLessThan(flops + Small.FlopsOf(fnn));
    }

    [Fact]
    public void What_growth_anew_gives_is_the_best_of_each_stage()
    {
        var plan = Growth.Steeper(FnnSize.Of(3, 1), 4);
        double[] Losses(IEnumerable<Outcome> stages) => [.. stages.Select(stage => stage.TrainingLoss)];
        var (first, second) = (Losses(Small.Stages(plan, 1)), Losses(Small.Stages(plan, 1_001)));
        first.Should().NotEqual(second);
        var best = Small.BestStages(plan, 1, 2 * Small.FlopsOf(plan));
        Losses(best).Should().Equal(first.Zip(second, Math.Min));
        best.Should().OnlyContain(stage => stage.Seed == 1);
    }

    [Fact]
    public void A_training_that_diverged_counts_as_the_worst()
    {
        var fitted = Fitted.Try(() => throw new DivergenceException("far away"));
        var outcome = new Outcome("FNN", FnnSize.Of(3, 1), new Ramp(4), 1, fitted, 0, 0);
        outcome.Error.Should().Be(double.PositiveInfinity);
        outcome.TrainingLoss.Should().Be(double.PositiveInfinity);
        fitted.LargestError(new Ramp(4), [0, 1]).Should().Be(double.NaN);
        Weights.Largest(fitted.Network).Should().Be(double.NaN);
        new Series("plain", "FNN", new Ramp(4), [outcome]).Row().Should().HaveCount(Series.Columns.Count);
    }

    [Fact]
    public void The_best_of_a_regime_is_chosen_by_validation_points()
    {
        var ramp = new Ramp(3);
        Series Of(Size size, int epochs) => new("plain", size.Name, ramp,
            [new Outcome(size.Name, size, ramp, 1, size.Fit(ramp.Sample(64, 1), ramp, options => (options.Optimizer, options.Epochs) = (new LevenbergMarquardt(), epochs)), 0, 0)]);
        Series[] series = [Of(FnnSize.Of(6, 1), 1), Of(FnnSize.Of(8, 1), 40), Of(DeqSize.Triangular(2), 1)];
        series[1].Validation.Should().BeLessThan(series[0].Validation);
        var contest = Contest.Of(series);
        contest.Fnn.Should().BeSameAs(series[1]);
        contest.Verdict.Should().Be("DEQ loses");
        contest.Ratio.Should().Be(contest.Fnn.Median / contest.Deq.Median);
    }
}
