using Deq.MLNet.Training;
using AnyArchitecture = Deq.MLNet.Training.Architecture;

namespace Deq.MLNet.Tests.Training.Direct;

/// <summary>The method of Levenberg and Marquardt against least squares in closed form, and against its own formula with a Jacobian by differences.</summary>
public sealed class LevenbergMarquardtTests
{
    private static readonly AnyArchitecture LinearModel = new FnnArchitecture([], Activation.ReLU, 0);

    private static TrainingSettings Settings(AnyArchitecture architecture, float damping = 1e-2f) => Setup.Settings(architecture) with { Optimizer = new LevenbergMarquardt(damping) };

    /// <summary>More rows than weights, and fewer.</summary>
    [Theory]
    [InlineData(50, 4, 0)]
    [InlineData(50, 4, 0.3)]
    [InlineData(6, 11, 0.3)]
    public void A_linear_model_is_solved_in_one_step(int count, int features, double decay)
    {
        var rows = Setup.Noise(count, features, 1, 3, weighted: true);
        using var engine = DirectSetup.Engine(Settings(LinearModel, 1e-12f) with { WeightDecay = decay }, DirectSetup.Start(LinearModel, features, 1, 1), rows);

        engine.Epochs(1, 1, count);

        // (X'SX + decay/2 I) w = X'Sy, with a column of ones and the shares S.
        var (size, total) = (features + 1, rows.TotalWeight);
        double X(int row, int i) => i < features ? rows.Features[row * features + i] : 1;
        double Sum(Func<int, double> of) => Enumerable.Range(0, count).Sum(r => rows.Weight(r) / total * of(r));
        double[] a = [.. Enumerable.Range(0, size * size).Select(i => Sum(r => X(r, i / size) * X(r, i % size)) + (i % (size + 1) == 0 ? decay / 2 : 0))];
        var expected = Linear.Solve(a, [.. Enumerable.Range(0, size).Select(i => Sum(r => X(r, i) * rows.Targets[r]))]);
        Setup.RelativeDistance(engine.Weights(), expected).Should().BeLessThan(1e-8);
    }

    /// <summary>Triangular and full W, so many rows that J'J is solved, and so few that JJ' is.</summary>
    [Theory]
    [InlineData("StrictlyTriangular", 60)]
    [InlineData("StrictlyTriangular", 7)]
    [InlineData("None", 60)]
    [InlineData("None", 7)]
    public void A_step_is_that_of_the_formula_with_a_Jacobian_by_differences(string rule, int count)
    {
        const double damping = 0.5;
        var architecture = Setup.Deq(4, Activation.Tanh, DirectSetup.Rules[rule]);
        var rows = Setup.Noise(count, 2, 1, 3, weighted: true);
        var start = (DeqNetwork)DirectSetup.Start(architecture, 2, 1, 5);
        using var engine = DirectSetup.Engine(Settings(architecture, (float)damping), start, rows);
        var p = engine.Weights();
        var free = Enumerable.Range(0, p.Length).Where(i => rule == "None" || i >= 16 || i % 4 < i / 4).ToArray();
        var reference = new DeqGradient(start.Weights.Shape, Activation.Tanh, rows);
        double Output(int weight, double change, int row) => reference.Row([.. p.Select((v, i) => i == weight ? v + change : v)], row).Y[0];
        double Root(int row) => Math.Sqrt(reference.Share(row));
        var jacobian = free.Select(i => Enumerable.Range(0, count).Select(r => Root(r) * (Output(i, 1e-5, r) - Output(i, -1e-5, r)) / 2e-5).ToArray()).ToArray();
        var residuals = Enumerable.Range(0, count).Select(r => Root(r) * (rows.Targets[r] - Output(0, 0, r))).ToArray();
        static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
        var mean = jacobian.Average(j => Dot(j, j));
        double[] system = [.. from i in Enumerable.Range(0, free.Length)
                              from j in Enumerable.Range(0, free.Length)
                              select Dot(jacobian[i], jacobian[j]) + (i != j ? 0 : damping * (free.Length > count ? mean : Dot(jacobian[i], jacobian[i]) + 1e-3 * mean))];
        var expected = Linear.Solve(system, [.. jacobian.Select(j => Dot(j, residuals))]);

        engine.Epochs(1, 1, count);

        engine.ReadOptimizer().Numbers[0].Should().BeLessThan(damping, "the step was taken");
        Setup.RelativeDistance(free.Select(i => engine.Weights()[i] - p[i]), expected).Should().BeLessThan(1e-6);
        Enumerable.Range(0, p.Length).Except(free).Should().NotContain(i => engine.Weights()[i] != p[i]);
    }

    [Theory]
    [InlineData("StrictlyTriangular", Activation.ReLU)]
    [InlineData("InfinityNorm", Activation.Tanh)]
    [InlineData("Spectral", Activation.ReLU)]
    public void It_comes_back_to_the_network_that_made_the_rows(string rule, Activation activation)
    {
        var architecture = Setup.Deq(4, activation, DirectSetup.Rules[rule]);
        var teacher = (DeqNetwork)DirectSetup.Start(architecture, 2, 1, 5);
        var rows = Setup.Noise(200, 2, 1, 3);
        rows = rows with { Targets = Setup.Outputs(teacher, rows) };
        using var engine = DirectSetup.Engine(Settings(architecture), teacher, rows);
        var random = new Random(2);
        engine.SetWeights([.. engine.Weights().Select(w => w * (1 + 0.05 * (random.NextDouble() - 0.5)))]);

        var losses = engine.Epochs(1, 40, 200);

        losses[0].Should().BeGreaterThan(1e-6);
        losses[^1].Should().BeLessThan(1e-12, "targets are rounded to float32");
        losses.Should().BeInDescendingOrder();
    }

    [Fact]
    public void The_damping_moves_by_its_options_and_travels_with_the_state()
    {
        var architecture = Setup.Deq(5, Activation.Tanh);
        var rows = Setup.Noise(100, 2, 1, 3);
        using var engine = DirectSetup.Engine(Setup.Settings(architecture) with { Optimizer = new LevenbergMarquardt(0.25f, 5, 7) }, DirectSetup.Start(architecture, 2, 1, 1), rows);
        var damping = 0.25;
        var (states, losses) = (new List<double>(), new List<double>());
        for (var epoch = 1; epoch < 60; epoch++)
        {
            states.Add(engine.ReadOptimizer().Numbers.Single());
            losses.AddRange(engine.Epochs(epoch, 1, 100));
        }
        var ratios = states.Zip(states.Skip(1), (before, after) => Math.Round(after / before, 9)).ToArray();
        ratios.Distinct().Should().BeEquivalentTo([0.2, 7]);
        // What lowers it by less than a share of 1e-9 is taken back too.
        ratios.Zip(losses, losses.Skip(1)).Should().OnlyContain(step => step.First == 7 ? step.Third == step.Second : step.Third < step.Second);
        engine.LoadOptimizer(new OptimizerState(0, []) { Numbers = [damping] });
        engine.ReadOptimizer().Numbers.Should().Equal(damping);
    }

    [Fact]
    public void At_rest_nothing_moves_any_more()
    {
        // Two rows that contradict each other: the mean is the best there is.
        var rows = new TrainingData(1, 1, [1, 1], [0, 1], null);
        using var engine = DirectSetup.Engine(Settings(LinearModel), DirectSetup.Start(LinearModel, 1, 1, 1), rows);
        engine.Epochs(1, 60, 2)[^1].Should().BeApproximately(0.25, 1e-9);
        var (weights, numbers) = (engine.ReadWeights(), engine.ReadOptimizer().Numbers);
        numbers[0].Should().BeGreaterThan(1e10);

        engine.Epochs(61, 3, 2).Should().AllSatisfy(loss => loss.Should().BeApproximately(0.25, 1e-9));

        engine.ReadWeights().Should().Equal(weights);
        engine.ReadOptimizer().Numbers.Should().Equal(numbers);
    }

    [Fact]
    public void A_step_that_loses_equilibria_is_taken_back()
    {
        // From z = relu(0.5 z + x) to targets of a steeper one: beyond w = 1 there is none.
        var architecture = Setup.Deq(1, Activation.ReLU, WellPosedness.None);
        var start = new DeqNetwork([0.5f], [1], [0], [1], [0], Activation.ReLU);
        var x = Enumerable.Range(1, 20).Select(i => i / 10f).ToArray();
        using var engine = DirectSetup.Engine(Settings(architecture, 1e-6f), start, new TrainingData(1, 1, x, [.. x.Select(v => 50 * v)], null));
        var taken = 0;
        for (var epoch = 1; epoch <= 30; epoch++)
        {
            var (weights, damping) = (engine.ReadWeights(), engine.ReadOptimizer().Numbers[0]);
            engine.Epochs(epoch, 1, 20);
            engine.Weights()[0].Should().BeLessThan(1);
            if (engine.ReadOptimizer().Numbers[0] > damping)
            {
                engine.ReadWeights().Should().Equal(weights);
                taken++;
            }
        }
        taken.Should().BePositive();
    }

    [Fact]
    public void A_damping_beyond_which_nothing_moves_is_refused() =>
        FluentActions.Invoking(() => new LevenbergMarquardt(1.1e10f)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("damping is 1.1E+10*");
}
