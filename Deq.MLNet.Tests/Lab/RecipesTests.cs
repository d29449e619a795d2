using Deq.MLNet.Samples;
using Deq.MLNet.Samples.Lab;

namespace Deq.MLNet.Tests.Lab;

public class RecipesTests
{
    private static readonly GrowthRecipe Small = new(RowCount: 16, Candidates: 1);

    [Fact]
    public void Feed_forward_networks_cost_what_a_dense_cell_of_ten_states_costs()
    {
        // 20 iterations of 10 x 10 multiplications and additions, a bias and an activation; U x and V z.
        new DeqSize(10, WellPosedness.Spectral()).Forward(inputs: 1).Should().Be(20 * (200 + 20) + 20 + 20).And.Be(4440);
        foreach (var (width, depth) in ((int, int)[])[(740, 1), (45, 2), (32, 3), (23, 5), (17, 8)])
        {
            FnnSize.Of(width, depth).Forward(inputs: 1).Should().BeApproximately(4440, 0.03 * 4440, $"{depth} layers of {width}");
        }
        DeqSize.Triangular(10).Forward(inputs: 1).Should().Be(150);
    }

    [Fact]
    public void A_further_input_costs_a_multiplication_and_an_addition_a_unit_that_reads_it()
    {
        foreach (var (size, readers) in ((Size, int)[])[(DeqSize.Triangular(10), 10), (new DeqSize(10, WellPosedness.Spectral()), 10), (FnnSize.Of(7, 3), 7), (new FnnSize(4, 9), 4)])
        {
            (size.Forward(inputs: 4) - size.Forward(inputs: 1)).Should().Be(3 * 2 * readers, size.Name);
            (size.Parameters(inputs: 4) - size.Parameters(inputs: 1)).Should().Be(3 * readers, size.Name);
        }
    }

    [Fact]
    public void A_monotone_cell_of_seven_states_costs_what_a_dense_one_of_ten_costs()
    {
        // 20 steps of 2 products of 7 x 7, and what is added and cut off; U x and V z.
        DeqSize.Monotone(7, margin: 0.1f).Forward(inputs: 1).Should().Be(20 * (4 * 49 + 28) + 28).And.BeApproximately(4440, 0.04 * 4440);
        DeqSize.Monotone(7, margin: 0.1f).Parameters(inputs: 1).Should().Be(49 + 3 * 7 + 1);
    }

    [Fact]
    public void A_step_of_LBfgs_is_counted_with_what_its_line_search_tries()
    {
        // 100 rows of 150 FLOPs forward, three times for the gradient, and 8 p for each of the ten pairs.
        Flops.LBfgs(forward: 150, rows: 100, p: 76, steps: 1).Should().Be(1.25 * 45_000 + 8 * 76 * 10);
        Flops.LBfgs(150, 100, 76, steps: 7).Should().Be(7 * Flops.LBfgs(150, 100, 76, steps: 1));
    }

    [Fact]
    public void A_step_of_Levenberg_and_Marquardts_method_goes_by_the_lesser_of_weights_and_rows()
    {
        Flops.LevenbergMarquardt(forward: 150, rows: 100, p: 10, steps: 2).Should().BeApproximately(2 * (60_000 + 2_000 + 10_000 + 1_000 / 3.0), 1e-6);
        Flops.LevenbergMarquardt(forward: 150, rows: 10, p: 100, steps: 2).Should().BeApproximately(2 * (6_000 + 2_000 + 10_000 + 1_000 / 3.0), 1e-6);
    }

    [Theory]
    [InlineData(3, 3)]
    [InlineData(60, 60)]
    [InlineData(100, 80)]
    public void Steps_at_rest_cost_nothing(int steps, int taken)
    {
        // Each of the first 40 lowers the loss, and none that follows.
        FullBatchRecipe.StepsTaken([.. Enumerable.Range(0, steps).Select(i => 1.0 / (1 + Math.Min(i, 40)))]).Should().Be(taken);
    }

    [Fact]
    public void Methods_of_full_batches_spend_their_flops_and_begin_anew_where_they_rest()
    {
        var (target, size) = (new Sawtooth(1), FnnSize.Of(2, 1));
        double budget = 400 * Flops.LevenbergMarquardt(size.Forward(1), 16, size.Parameters(1), steps: 1);
        Outcome Run(double budget) => new FullBatchRecipe("plain", new LevenbergMarquardt(), 16, budget).Run(size, target, 1, 1).Outcomes[0];
        var (once, often) = (Run(budget / 40), Run(budget));
        often.Flops.Should().BeLessThanOrEqualTo(budget).And.BeGreaterThan(0.99 * budget);
        once.Flops.Should().BeLessThanOrEqualTo(budget / 40);
        often.Seed.Should().Be(1);
        often.TrainingLoss.Should().BeLessThanOrEqualTo(once.TrainingLoss);
        // It rests long before 400 steps, which are spent all the same.
        FullBatchRecipe.StepsTaken([.. often.Fitted.History.Epochs.Select(epoch => epoch.TrainingLoss)]).Should().BeLessThan(300);
    }

    [Fact]
    public void A_gradient_recipe_chooses_its_rate_if_it_has_none_and_counts_the_epochs_of_all_starts()
    {
        var recipe = new GradientRecipe("plain", Epochs: 9, RowCount: 512);
        var series = recipe.Run(FnnSize.Of(4, 1), new Sawtooth(1), 1, 2);
        var slow = (recipe with { FixedRate = 1e-9f }).Run(FnnSize.Of(4, 1), new Sawtooth(1), 1, 2);
        (series.Regime, series.Outcomes.Count, slow.LearningRate).Should().Be(("plain", 2, 1e-9f));
        series.LearningRate.Should().BeInRange(1e-3f, 1);
        series.Median.Should().BeLessThan(slow.Median);
        series.Outcomes[0].Flops.Should().Be(Flops.Gradient(24, 512, 9));

        var ofStarts = (recipe with { Starts = new Starts(4, 2, 2, 3), MaxWeightNorm = 0.25f }).Run(FnnSize.Of(4, 1), new Sawtooth(1), 1, 1).Outcomes[0];
        ofStarts.Flops.Should().Be(Flops.Gradient(24, 512, 9 + 3 * 2 + 3));
        Weights.LargestRowSum(ofStarts.Fitted.Network).Should().BeLessThanOrEqualTo(0.25 * (1 + 1e-6));
        Weights.LargestRowSum(series.Outcomes[0].Fitted.Network).Should().BeGreaterThan(0.25);
    }

    [Fact]
    public void Sizes_of_weights_are_those_of_the_largest_layer()
    {
        var fnn = new FnnNetwork([new DenseLayer(new[] { 1f, -3 }, new[] { 9f, 9 }), new DenseLayer(new[] { 2, -2.5f }, new[] { 9f })], Activation.ReLU);
        (Weights.Largest(fnn), Weights.LargestRowSum(fnn)).Should().Be((3, 4.5));
        var deq = new DeqNetwork([0, 0, -0.5f, 0], [1, 2], [9, 9], [3, -4], [9], Activation.ReLU);
        (Weights.Largest(deq), Weights.LargestRowSum(deq)).Should().Be((4, 7));
        Weights.Largest(null).Should().Be(double.NaN);
    }

    [Fact]
    public void Without_a_curriculum_all_stages_learn_the_last_target()
    {
        var plan = Growth.Deq(4, units: 2);
        plan.WithoutCurriculum().Stages.Should().Equal(plan.Stages.Select(stage => (stage.Size, (Target)new Sawtooth(4))));
        Growth.FnnInBothOrders(5, 2).Select(order => order.Name).Should().Equal("FNN 8-16", "FNN 16-8");
        Growth.FnnInBothOrders(4, 4).Should().ContainSingle("the layers are all alike");
    }

    [Fact]
    public void New_units_may_read_more_than_the_output()
    {
        var plan = new Growth("FNN 4x2", [(FnnSize.Of(4, 1), new Sawtooth(1)), (FnnSize.Of(4, 2), new Sawtooth(2))]);
        double[] Losses(Initialization units) => [.. (Small with { NewUnits = units }).Stages(plan, seed: 1).Select(stage => stage.TrainingLoss)];
        var (reading, kinks) = (Losses(Initialization.Cascade()), Losses(Initialization.Kink()));
        kinks[0].Should().Be(reading[0], "the first stage has no network to add to");
        kinks[1].Should().NotBe(reading[1]);
    }

    [Fact]
    public void Networks_grow_on_targets_of_two_variables()
    {
        var plan = new Growth("DEQ 4", [(DeqSize.Triangular(2), new Diamonds(1)), (DeqSize.Triangular(4), new Diamonds(2))]);
        var outcome = (Small with { RowCount = 64 }).Train(plan, seed: 1);
        outcome.Fitted.Network!.InputSize.Should().Be(2);
        outcome.Flops.Should().Be((Small with { RowCount = 64 }).FlopsOf(plan));
        outcome.Error.Should().BeLessThan(new Diamonds(2).Variance);
    }

    [Fact]
    public void Weights_are_counted_as_networks_have_them()
    {
        foreach (var size in (Size[])[DeqSize.Triangular(3), new DeqSize(3, WellPosedness.Spectral()), FnnSize.Of(4, 1), new FnnSize(5, 3, 2)])
        {
            foreach (var target in (Target[])[new Sawtooth(1), new Diamonds(1)])
            {
                var network = size.Fit(target.Sample(8, seed: 1), target, options => options.Epochs = 1).Network!;
                network.InputSize.Should().Be(target.Inputs);
                // Of a strictly triangular W half is no weight, and the diagonal.
                size.Parameters(target.Inputs).Should().Be(network.ParameterCount - (size is DeqSize { IsTriangular: true } ? 6 : 0), size.Name);
            }
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
        var plane = Growth.Fnn(k => new Checkerboard(k), [6], units: 4, doublings: 3, depth: 2);
        plane.Stages.Select(stage => stage.Size.Name).Should().Equal("FNN 6x1", "FNN 6-8", "FNN 6-8-16");
        plane.Stages.Select(stage => stage.Target).Should().Equal(new Checkerboard(0), new Checkerboard(1), new Checkerboard(3));
        Growth.Deq([new Diamonds(0), new Diamonds(1)], first: 4, units: 3).Stages.Should().Equal((DeqSize.Triangular(4), new Diamonds(0)), (DeqSize.Triangular(7), new Diamonds(1)));
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
        var outcome = new Outcome(FnnSize.Of(3, 1), new Ramp(4), 1, fitted, 0, 0);
        outcome.Error.Should().Be(double.PositiveInfinity);
        outcome.TrainingLoss.Should().Be(double.PositiveInfinity);
        fitted.LargestError(new Ramp(4), [[0], [1]]).Should().Be(double.NaN);
        Weights.Largest(fitted.Network).Should().Be(double.NaN);
        var folder = new OutputFolder(Directory.CreateTempSubdirectory("deq").FullName);
        SeriesTable.Add(new Report(new SilentExperiment(), folder), "runs", "All", [new Series("plain", "FNN", new Ramp(4), [outcome])], ("more", _ => 7));
        File.ReadAllLines(folder["silent-runs.csv"])[1].Should().EndWith(",1,7").And.Contain("Infinity");
        File.ReadAllLines(folder["silent-runs-seeds.csv"]).Should().HaveCount(2).And.Contain(row => row.StartsWith("plain,2^-4,FNN,1,0,0,", StringComparison.Ordinal));
    }

    [Fact]
    public void The_best_of_a_regime_is_chosen_by_validation_points()
    {
        var ramp = new Ramp(3);
        Series Of(Size size, int epochs) => new("plain", size.Name, ramp,
            [new Outcome(size, ramp, 1, size.Fit(ramp.Sample(64, 1), ramp, options => (options.Optimizer, options.Epochs) = (new LevenbergMarquardt(), epochs)), 0, 0)]);
        Series[] series = [Of(FnnSize.Of(6, 1), 1), Of(FnnSize.Of(8, 1), 40), Of(DeqSize.Triangular(2), 1)];
        series[1].Validation.Should().BeLessThan(series[0].Validation);
        var contest = Contest.Of(series);
        contest.Fnn.Should().BeSameAs(series[1]);
        contest.Verdict.Should().Be("DEQ loses");
        contest.Ratio.Should().Be(contest.Fnn.Median / contest.Deq.Median);
    }
}
