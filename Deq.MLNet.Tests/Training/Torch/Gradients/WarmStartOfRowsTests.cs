using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Gradients;

public sealed class WarmStartOfRowsTests
{
    private static readonly GradientCase Cell = new(10, 3, 1, 0.9, Activation.Tanh, false, 6);

    private static DeqArchitecture Architecture => Cell.Architecture(new Implicit(), 1e-8) with { WarmStart = true };

    /// <summary>Were starts kept by the place in a batch, rows in another order would start from those of others.</summary>
    [Theory, OnDevices]
    public void A_row_starts_where_its_last_solve_ended_whatever_the_order(string device)
    {
        using var engine = Cell.Engine(Architecture, device);
        using var cold = Cell.Engine(Architecture with { WarmStart = false }, device);
        (double[] Gradient, int Iterations) Solve(TorchEngine by, params int[] rows)
        {
            // A device forgets how long the last solve took.
            by.BeginEpoch(1);
            return (by.Gradient(rows), by.ReadMetrics().WorstIterations);
        }

        var first = Solve(engine, 0, 1, 2, 3, 4);
        var again = Solve(engine, 4, 2, 0, 3, 1);
        var (alone, fresh) = (Solve(engine, 3), Solve(engine, 5));

        first.Iterations.Should().BeGreaterThan(15).And.Be(Solve(cold, 0, 1, 2, 3, 4).Iterations);
        (again.Iterations, alone.Iterations).Should().Be((3, 3), "of the first test");
        fresh.Iterations.Should().BeGreaterThan(15, "it was never seen");
        Setup.RelativeDistance(again.Gradient, Solve(cold, 4, 2, 0, 3, 1).Gradient).Should().BeLessThan(1e-6);
        var states = engine.ReadStates()!;
        for (var row = 0; row < 6; row++)
        {
            var z = Cell.Reference().Row(Cell.Parameters, row).Z;
            states[(row * 10)..((row + 1) * 10)].LargestDifference(z).Should().BeLessThan(1e-6);
        }
        cold.ReadStates().Should().BeNull();
    }

    [Theory, OnDevices]
    public void Evaluation_starts_from_zero(string device)
    {
        // Two evaluations of the cell: what is read is one step from the start.
        var capped = new EquilibriumSettings(null, new Tolerance(1e-12), 2);
        using var engine = Cell.Engine(Architecture with { Scoring = capped }, device);
        var before = engine.Evaluate(Cell.Data, () => { });

        engine.Gradient([0, 1, 2, 3, 4, 5]);

        engine.Evaluate(Cell.Data, () => { }).Should().Be(before);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Later_epochs_take_fewer_iterations_to_the_same_network(bool shuffle)
    {
        var rows = Setup.Smooth(120, 3);
        TrainedNetwork Train(bool warm) => Setup.Fit(Setup.Settings(Setup.Deq(12, rule: WellPosedness.Spectral(0.95f), tolerance: 1e-6) with { WarmStart = warm })
            with
        { Epochs = 15, Shuffle = shuffle, LearningRate = 1e-3 }, rows);

        var (cold, warm) = (Train(false), Train(true));

        warm.History.Epochs[0].MeanIterations.Should().Be(cold.History.Epochs[0].MeanIterations, "the first epoch starts from zero");
        warm.History.Epochs[^1].MeanIterations.Should().BeLessThan(0.9 * cold.History.Epochs[^1].MeanIterations);
        warm.History.Epochs[^1].WorstResidual.Should().BeLessThanOrEqualTo(1e-6);
        warm.Network.Weights().LargestDifference(cold.Network.Weights()).Should().BeGreaterThan(0).And.BeLessThan(1e-3);
    }

    [Fact]
    public void A_state_that_is_not_finite_is_not_started_from()
    {
        TorchBackend.EnsureAvailable();
        using var scope = NewDisposeScope();
        using var kept = new KeptStates(4, 2, CPU, ScalarType.Float32);
        kept.Keep(tensor(new[] { 3, 0, 2 }), tensor(new[,] { { 1f, 2 }, { 3, float.NaN }, { float.PositiveInfinity, 5 } }));

        var z = empty(2, 2);
        kept.Read(tensor(new[] { 2, 3 }), z);

        kept.ToArray().Should().Equal(0, 0, 0, 0, 0, 0, 1, 2);
        DeviceReads.Floats(z).Should().Equal(0, 0, 1, 2);
    }
}
