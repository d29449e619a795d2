using Deq.MLNet.Numerics;
using Deq.MLNet.Tests.Training.Torch.Gradients;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Simd;

namespace Deq.MLNet.Tests.Training.Simd;

/// <summary>What becomes of the rows of a batch in the managed solve.</summary>
public sealed class SimdDeqRowsTests
{
    [Theory]
    [InlineData(Activation.Tanh)]
    [InlineData(Activation.Softplus)]
    [InlineData(Activation.GELU)]
    public void Under_dropout_the_gradient_is_that_of_the_masked_cell(Activation activation)
    {
        const float Probability = 0.4f;
        var c = new GradientCase(19, 3, 1, 0.4, activation, true, 11);
        var settings = Setup.Settings(c.Architecture(new Implicit(), 1e-7, dropout: Probability));
        var mask = new PaddedMatrix(c.Data.Rows, 19);
        var dropout = new SimdDropout(Probability, settings.Seed);
        dropout.BeginEpoch(3);
        dropout.BeginBatch(c.Data.Rows);
        dropout.Draw(0, mask, new RowBlock(0, c.Data.Rows));
        using var engine = new SimdEngine(settings, c.Network);
        engine.Attach(c.Data);
        engine.BeginEpoch(3);

        var gradient = engine.Gradient([.. Enumerable.Range(0, c.Data.Rows)]);

        var reference = c.Reference([.. Enumerable.Range(0, c.Data.Rows).SelectMany(row => Linear.ToDouble(mask[row]))]);
        Setup.RelativeDistance(gradient, reference.Gradient(c.Parameters)).Should().BeLessThan(1e-4);
        Setup.RelativeDistance(gradient, c.Reference().Gradient(c.Parameters)).Should().BeGreaterThan(1e-2, "something was left out");
    }

    [Fact]
    public void Weights_and_history_are_the_same_bit_for_bit_for_any_number_of_threads()
    {
        var architecture = Setup.Deq(40, Activation.ReLU, dropout: 0.2f) with { WarmStart = true, EncoderSizes = [9], SkipConnection = true, Solver = new Auto(), GradientSolver = new Auto() };
        var rows = Setup.Noise(300, 7, 1, 3, weighted: true);
        var start = architecture.Initialize(7, 1, Link.Identity, new bool[7], new Random(5));
        (float[] Weights, TrainingEpoch[] Epochs) With(int threads)
        {
            var settings = Setup.Settings(architecture) with { Epochs = 3, BatchSize = 200, Threads = threads };
            var (weights, history) = SimdEngineTests.Train(new SimdEngine(settings, start), settings, rows);
            return (weights, [.. history.Epochs.Select(e => e with { Seconds = 0 })]);
        }
        var one = With(1);

        foreach (var threads in new[] { 2, 3 })
        {
            var several = With(threads);
            several.Weights.Should().Equal(one.Weights);
            several.Epochs.Should().Equal(one.Epochs);
        }
    }

    /// <summary>Also not those that are solved in the same tile, by mixing steps that they share.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_row_whose_state_is_not_finite_disturbs_no_other(bool mixes)
    {
        var c = new GradientCase(20, 4, 1, 0.8, Activation.ReLU, false, 3);
        FixedPointSolver solver = mixes ? new Anderson() : new Picard();
        float[][] Outputs(float first)
        {
            var model = new SimdDeq(c.Architecture(new Implicit(), 1e-6, solver) with { Solver = solver }, c.Network, 1, Tile.Best);
            var batch = new SimdBatch(10, 4, 1);
            var random = new Random(1);
            for (var i = 0; i < 40; i++)
            {
                batch.X[i / 4][i % 4] = (float)random.NextDouble();
            }
            batch.X[2][0] = first;
            model.Prepare(batch, training: true);
            model.Forward(new RowBlock(0, 10));
            return [.. Enumerable.Range(0, 10).Select(row => batch.Outputs[row].ToArray())];
        }

        var (with, without) = (Outputs(float.PositiveInfinity), Outputs(0.5f));

        float.IsFinite(with[2][0]).Should().BeFalse();
        foreach (var row in Enumerable.Range(0, 10).Where(row => row != 2))
        {
            with[row][0].Should().BeApproximately(without[row][0], 1e-5f * (1 + Math.Abs(without[row][0])));
        }
    }

    [Fact]
    public void Rows_that_the_cap_stops_are_counted_and_rows_at_the_precision_of_float32_are_not()
    {
        EngineMetrics Solve(double tolerance, int cap)
        {
            var c = new GradientCase(30, 4, 1, 0.85, Activation.Tanh, false, 3);
            using var engine = new SimdEngine(Setup.Settings(c.Architecture(new Implicit(), tolerance) with { MaxIterations = cap }), c.Network);
            engine.Attach(c.Data);
            engine.Gradient([.. Enumerable.Range(0, c.Data.Rows)]);
            return engine.ReadMetrics();
        }
        var stopped = Solve(1e-6, 3);
        var precise = Solve(1e-9, 1000);

        (stopped.UnsolvedRows, stopped.UnsolvedGradientRows, stopped.WorstIterations).Should().Be((6, 6, 3));
        (precise.UnsolvedRows, precise.UnsolvedGradientRows).Should().Be((0, 0));
        precise.WorstIterations.Should().BeLessThan(300);
        precise.WorstResidual.Should().BeInRange(1e-9, 1e-5);
    }

    /// <summary>Rounding makes a residual of any size where iterates grow; that is no equilibrium at the limit of precision.</summary>
    [Theory]
    [InlineData(Activation.ReLU, 6, false)]
    [InlineData(Activation.ReLU, 6, true)]
    [InlineData(Activation.LeakyReLU, 3, false)]
    [InlineData(Activation.Tanh, 3, false)]
    public void A_solve_that_diverges_is_told_as_unsolved_and_gives_a_finite_state(Activation activation, double norm, bool mixes)
    {
        var c = new GradientCase(24, 4, 1, norm, activation, false, 3);
        FixedPointSolver solver = mixes ? new Auto() : new Picard();
        using var engine = new SimdEngine(Setup.Settings(c.Architecture(new OneStep(), 1e-4, solver) with { Solver = solver, MaxIterations = 60 }), c.Network);
        engine.Attach(c.Data);

        engine.Gradient([.. Enumerable.Range(0, c.Data.Rows)]);

        var metrics = engine.ReadMetrics();
        metrics.UnsolvedRows.Should().BePositive();
        metrics.WorstResidual.Should().BeGreaterThan(1e-2);
        double.IsFinite(metrics.Training.Loss).Should().BeTrue();
    }

    /// <summary>On a cell whose iterates wander: with more iterations the state is a better one, or the same.</summary>
    [Fact]
    public void At_the_cap_a_row_goes_on_with_its_best_state()
    {
        EngineMetrics Solve(int cap)
        {
            var c = new GradientCase(24, 4, 1, 4, Activation.Tanh, false, 5);
            using var engine = new SimdEngine(Setup.Settings(c.Architecture(new OneStep(), 1e-6) with { MaxIterations = cap }), c.Network);
            engine.Attach(c.Data);
            engine.Gradient([.. Enumerable.Range(0, c.Data.Rows)]);
            return engine.ReadMetrics();
        }
        var last = double.PositiveInfinity;
        foreach (var cap in Enumerable.Range(4, 60))
        {
            var metrics = Solve(cap);
            metrics.UnsolvedRows.Should().BePositive();
            metrics.WorstResidual.Should().BeLessThanOrEqualTo(last);
            last = metrics.WorstResidual;
        }
    }

    [Fact]
    public void A_lost_row_does_not_take_mixing_from_the_rows_of_its_tile()
    {
        var c = new GradientCase(30, 4, 1, 0.3, Activation.Identity, false, 3);
        var w = c.Network.W.ToArray().Select(v => v + 0.95f / 30).ToArray();
        var network = new DeqNetwork(c.Network.Weights with { W = w }, Activation.Identity, Link.Identity, new EquilibriumSettings(), WellPosedness.None);
        var data = c.Data;
        data.Features[4] = float.PositiveInfinity;
        using var engine = new SimdEngine(Setup.Settings(c.Architecture(new OneStep(), 1e-5) with { Solver = new Anderson(), MaxIterations = 40 }), network);
        engine.Attach(data);

        engine.Gradient([.. Enumerable.Range(0, data.Rows)]);

        engine.ReadMetrics().UnsolvedRows.Should().Be(1);
    }

    /// <summary>One type judges whether a row meets the tolerance: float64 said so and float32 did not.</summary>
    [Fact]
    public void Rows_that_end_a_solve_by_meeting_the_tolerance_are_solved()
    {
        for (var seed = 0; seed < 100; seed++)
        {
            var c = new GradientCase(10, 4, 1, 0.6, Activation.Tanh, false, seed);
            EngineMetrics Solve(double tolerance)
            {
                using var engine = new SimdEngine(Setup.Settings(c.Architecture(new OneStep(), 1e-4) with { Tolerance = new Tolerance(tolerance, 1e-15), MaxIterations = 200 }), c.Network);
                engine.Attach(c.Data);
                engine.Gradient([.. Enumerable.Range(0, c.Data.Rows)]);
                return engine.ReadMetrics();
            }
            var residual = Solve(1e-3).WorstResidual;

            foreach (var tolerance in new[] { residual, Math.BitIncrement(residual), residual * (1 + 2e-8), residual * (1 - 2e-8), residual * (1 + 5e-8) })
            {
                Solve(tolerance).UnsolvedRows.Should().Be(0, "seed {0}, tolerance {1:R}", seed, tolerance);
            }
        }
    }

    [Fact]
    public void A_warm_start_takes_up_where_the_last_solve_of_the_row_ended()
    {
        int Iterations(bool warm)
        {
            var c = new GradientCase(30, 4, 1, 0.85, Activation.Tanh, false, 3);
            using var engine = new SimdEngine(Setup.Settings(c.Architecture(new Implicit(), 1e-6) with { WarmStart = warm }), c.Network);
            engine.Attach(c.Data);
            engine.Gradient([0, 1, 2, 3, 4, 5]);
            engine.ReadMetrics();
            engine.Gradient([5, 3, 1, 0, 4, 2]);
            return engine.ReadMetrics().WorstIterations;
        }

        Iterations(warm: true).Should().Be(1);
        Iterations(warm: false).Should().BeGreaterThan(5);
    }

    /// <summary>On a nearly singular cell: damping, memory and ridge of Anderson and the damping of plain iteration reach the solve, and mixing takes fewer steps.</summary>
    [Fact]
    public void Every_option_of_a_method_changes_the_solve()
    {
        double Iterations(FixedPointSolver solver)
        {
            var c = new GradientCase(30, 4, 1, 0.3, Activation.Identity, false, 3);
            // One eigenvalue near 1, the others small.
            var w = c.Network.W.ToArray().Select(v => v + 0.95f / 30).ToArray();
            var network = new DeqNetwork(c.Network.Weights with { W = w }, Activation.Identity, Link.Identity, new EquilibriumSettings(), WellPosedness.None);
            using var engine = new SimdEngine(Setup.Settings(c.Architecture(new Implicit(), 1e-5, solver) with { Solver = solver, MaxIterations = 3000 }), network);
            engine.Attach(c.Data);
            engine.Gradient([.. Enumerable.Range(0, c.Data.Rows)]);
            return engine.ReadMetrics().WorstIterations;
        }
        var plain = Iterations(new Picard());

        Iterations(new Picard(0.5f)).Should().BeGreaterThan(plain);
        Iterations(new Anderson()).Should().BeLessThan(plain);
        Iterations(new Anderson(memory: 1)).Should().NotBe(Iterations(new Anderson()));
        Iterations(new Anderson(damping: 0.3f)).Should().NotBe(Iterations(new Anderson()));
        Iterations(new Anderson(ridge: 0.9)).Should().NotBe(Iterations(new Anderson()));
        Iterations(new Auto()).Should().BeLessThan(plain);
    }
}
