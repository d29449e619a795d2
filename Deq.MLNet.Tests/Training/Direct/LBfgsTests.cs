using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training.Direct;

public sealed class LBfgsTests
{
    private static readonly FnnArchitecture LinearModel = new([], Activation.ReLU, 0);

    /// <summary>Rows of two classes that no plane separates.</summary>
    private static TrainingData TwoClasses()
    {
        var rows = Setup.Noise(120, 5, 1, 3, weighted: true);
        return rows with { Targets = [.. rows.Targets.Select((t, r) => rows.Features[5 * r] + t > 0 ? 1f : 0f)] };
    }

    private static TrainingSettings Settings(Loss loss, int memory = 10) => Setup.Settings(LinearModel) with { Optimizer = new LBfgs(memory), Loss = loss };

    [Theory]
    [InlineData(0)]
    [InlineData(0.2)]
    public void It_finds_the_minimum_of_a_convex_loss(double decay)
    {
        using var engine = DirectSetup.Engine(Settings(BinaryLoss.Logistic) with { WeightDecay = decay }, DirectSetup.Start(LinearModel, 5, 1, 1), TwoClasses());

        var losses = engine.Epochs(1, 60, 120);

        losses[^1].Should().BeLessThan(losses[0]);
        // There the gradient of the loss and that of the decay cancel.
        Linear.Distance(engine.Gradient([.. Enumerable.Range(0, 120)]), engine.Weights().Select(w => -decay * w)).Should().BeLessThan(1e-7);
    }

    [Fact]
    public void Every_step_meets_the_conditions_of_Wolfe()
    {
        int[] all = [.. Enumerable.Range(0, 120)];
        using var engine = DirectSetup.Engine(Settings(BinaryLoss.Logistic), DirectSetup.Start(LinearModel, 5, 1, 1), TwoClasses());
        static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
        for (var epoch = 1; epoch < 8; epoch++)
        {
            var (from, gradient) = (engine.Weights(), engine.Gradient(all));
            var loss = engine.Epochs(epoch, 1, 120)[0];
            double[] step = [.. engine.Weights().Zip(from, (a, b) => a - b)];
            var after = engine.Evaluate(TwoClasses(), () => { }).Loss;

            Dot(gradient, step).Should().BeNegative();
            after.Should().BeLessThanOrEqualTo(loss + 1e-4 * Dot(gradient, step) + 1e-15);
            Math.Abs(Dot(engine.Gradient(all), step)).Should().BeLessThanOrEqualTo(0.9 * Math.Abs(Dot(gradient, step)));
        }
    }

    /// <summary>With room for all pairs the second direction is -H g with the H of BFGS, from the identity scaled by s'y / y'y.</summary>
    [Fact]
    public void The_direction_is_that_of_the_dense_method()
    {
        int[] all = [.. Enumerable.Range(0, 120)];
        using var engine = DirectSetup.Engine(Settings(BinaryLoss.Logistic), DirectSetup.Start(LinearModel, 5, 1, 1), TwoClasses());
        static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
        var pairs = new List<(double[] S, double[] Y)>();
        for (var epoch = 1; epoch <= 4; epoch++)
        {
            var (from, gradient) = (engine.Weights(), engine.Gradient(all));
            engine.Epochs(epoch, 1, 120);
            double[] s = [.. engine.Weights().Zip(from, (a, b) => a - b)], y = [.. engine.Gradient(all).Zip(gradient, (a, b) => a - b)];
            if (pairs.Count > 0)
            {
                var expected = gradient.Select((_, i) => -Dot(Row(i), gradient)).ToArray();
                (Dot(s, expected) / (Linear.Norm(s) * Linear.Norm(expected))).Should().BeApproximately(1, 1e-10, "epoch {0}", epoch);
            }
            pairs.Add((s, y));
        }

        double[] Row(int i)
        {
            var n = pairs[0].S.Length;
            var (lastS, lastY) = pairs[^1];
            var scale = Dot(lastS, lastY) / Dot(lastY, lastY);
            double[][] h = [.. Enumerable.Range(0, n).Select(r => Enumerable.Range(0, n).Select(c => r == c ? scale : 0).ToArray())];
            foreach (var (s, y) in pairs)
            {
                var curvature = Dot(s, y);
                double[] hy = [.. h.Select(row => Dot(row, y))];
                var share = 1 + Dot(y, hy) / curvature;
                h = [.. Enumerable.Range(0, n).Select(r => Enumerable.Range(0, n).Select(c => h[r][c] + (share * s[r] * s[c] - hy[r] * s[c] - s[r] * hy[c]) / curvature).ToArray())];
            }
            return h[i];
        }
    }

    [Fact]
    public void A_longer_memory_takes_other_steps()
    {
        double[] With(int memory)
        {
            using var engine = DirectSetup.Engine(Settings(BinaryLoss.Logistic, memory), DirectSetup.Start(LinearModel, 5, 1, 1), TwoClasses());
            engine.Epochs(1, 6, 120);
            engine.ReadOptimizer().Moments.Should().HaveCount(2 * memory);
            return engine.Weights();
        }
        With(1).Should().NotEqual(With(10));
    }

    [Fact]
    public void At_rest_nothing_moves_any_more()
    {
        var rows = new TrainingData(1, 1, [1, 1], [0, 1], null);
        using var engine = DirectSetup.Engine(Settings(RegressionLoss.Squared), DirectSetup.Start(LinearModel, 1, 1, 1), rows);
        engine.Epochs(1, 30, 2)[^1].Should().BeApproximately(0.25, 1e-12);
        var weights = engine.ReadWeights();

        engine.Epochs(31, 5, 2);

        engine.ReadWeights().Should().Equal(weights);
    }

    [Theory]
    [InlineData("StrictlyTriangular")]
    [InlineData("InfinityNorm")]
    public void It_lowers_the_loss_of_a_cell_under_its_rule(string rule)
    {
        var architecture = Setup.Deq(6, Activation.Tanh, DirectSetup.Rules[rule]);
        var rows = Setup.Smooth(150, 3);
        using var engine = DirectSetup.Engine(Settings(RegressionLoss.Absolute) with { Architecture = architecture }, DirectSetup.Start(architecture, 3, 1, 1), rows);

        var losses = engine.Epochs(1, 40, 150);

        losses.Should().BeInDescendingOrder();
        losses[^1].Should().BeLessThan(losses[0] / 2);
        ((DeqNetwork)engine.ToNetwork()).Certificate.RuleHolds.Should().BeTrue();
    }
}
