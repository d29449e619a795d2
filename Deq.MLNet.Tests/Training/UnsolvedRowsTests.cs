using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

/// <summary>Rows whose equilibrium or gradient was not found are counted, warned of, or the end of the training.</summary>
public sealed class UnsolvedRowsTests
{
    /// <summary>z = -1.5 z + u: plain iteration diverges, while mixing finds the equilibrium at once.</summary>
    private static DeqNetwork Swinging(int size = 3) =>
        new([.. Enumerable.Range(0, size * size).Select(i => i % (size + 1) == 0 ? -1.5f : 0)], [.. Enumerable.Repeat(0.5f, 3 * size)], new float[size], [.. Enumerable.Repeat(0.3f, size)], [0], Activation.Identity);

    private static DeqArchitecture Architecture(FixedPointSolver solver, FixedPointSolver gradientSolver, int maxIterations = 60, OnNonConvergence onNonConvergence = OnNonConvergence.ReturnBest) =>
        Setup.Deq(3, Activation.Identity, WellPosedness.None, solver, gradientSolver, 1e-4, maxIterations) with { Scoring = new EquilibriumSettings(solver, onNonConvergence: onNonConvergence) };

    private static (TrainingHistory History, RecordingMonitor Monitor) Train(DeqArchitecture architecture)
    {
        var monitor = new RecordingMonitor();
        var settings = Setup.Settings(architecture) with { Epochs = 3, BatchSize = 16, LearningRate = 1e-6, NormalizeTargets = false, NormalizeFeatures = false };
        return (Setup.Fit(settings, Setup.Smooth(40, 3), initial: Swinging(), monitor: monitor).History, monitor);
    }

    /// <summary>There the gradient was zero, without a word, because the backward solve had failed.</summary>
    [Fact]
    public void A_backward_solve_that_fails_is_told_jaxopt_466()
    {
        var (solved, quiet) = Train(Architecture(new Anderson(), new Anderson()));
        var (failed, warned) = Train(Architecture(new Anderson(), new Picard()));

        solved.Epochs.Should().OnlyContain(e => e.UnsolvedRows == 0 && e.UnsolvedGradientRows == 0 && e.WorstGradientResidual <= 1e-4);
        quiet.Warnings.Should().BeEmpty();
        failed.Epochs.Should().OnlyContain(e => e.UnsolvedRows == 0 && e.UnsolvedGradientRows == 40 && e.WorstGradientResidual > 0.5);
        warned.Warnings.Should().ContainSingle().Which.Should().Match("In epoch 1: The gradient of 40 rows was not found to its tolerance (worst residual *), so that steps go astray: raise the maxIterations*GradientSolver*Phantom*");
        FluentActions.Invoking(() => Train(Architecture(new Anderson(), new Picard(), onNonConvergence: OnNonConvergence.Throw)))
            .Should().Throw<DivergenceException>().WithMessage("In epoch 1: The gradient of 40 rows*OnNonConvergence is Throw, so training stopped.");
    }

    [Fact]
    public void A_forward_solve_that_fails_is_told_or_stops_the_training()
    {
        var (history, monitor) = Train(Architecture(new Picard(), new Anderson(), maxIterations: 10));

        history.Epochs.Should().OnlyContain(e => e.UnsolvedRows == 40 && e.UnsolvedGradientRows == 0 && e.WorstIterations == 10);
        monitor.Warnings[0].Should().Match("In epoch 1: The equilibrium of 40 rows was not found to Tolerance (worst residual * after at most 10 iterations): raise MaxIterations*");
        monitor.Warnings.Should().NotContain(w => w.Contains("In epoch 2"));
        FluentActions.Invoking(() => Train(Architecture(new Picard(), new Anderson(), 10, OnNonConvergence.Throw)))
            .Should().Throw<DivergenceException>().WithMessage("In epoch 1: The equilibrium of 40 rows*");
    }

    [Fact]
    public void A_warning_comes_when_such_epochs_begin_and_not_with_each()
    {
        var engine = new FakeEngine { Unsolved = epoch => epoch is 2 or 3 or 6 ? 7 : 0, UnsolvedGradients = epoch => epoch is 3 ? 4 : 0 };
        var monitor = new RecordingMonitor();

        var history = new TrainingLoop(Setup.Settings(Setup.Fnn()) with { Epochs = 7 }, 1, monitor).Run(engine, new TrainingData(1, 1, new float[10], new float[10], null), null);

        history.Epochs.Select(e => e.UnsolvedRows).Should().Equal(0, 7, 7, 0, 0, 7, 0);
        history.Epochs.Select(e => e.UnsolvedGradientRows).Should().Equal(0, 0, 4, 0, 0, 0, 0);
        monitor.Warnings.Select(w => w[..10]).Should().Equal("In epoch 2", "In epoch 6");
    }

    /// <summary>Options of solvers are of no effect there.</summary>
    [Fact]
    public void Direct_tells_what_would_help_it()
    {
        var monitor = new RecordingMonitor();
        // z = relu(2 z + 1) has no equilibrium.
        var settings = Setup.Settings(Setup.Deq(1, Activation.ReLU, WellPosedness.None)) with { Epochs = 1, Optimizer = new LevenbergMarquardt(), NormalizeTargets = false, NormalizeFeatures = false };
        NetworkTraining.Fit(settings, (s, start) => new Deq.MLNet.Training.Direct.DirectEngine(s, start), new TrainingData(1, 1, [1, -1, 1], [0, 0, 0], null), null, new DeqNetwork([2], [1], [0], [1], [0], Activation.ReLU), monitor);

        monitor.Warnings[0].Should().Match("In epoch 1: The equilibrium of 2 rows was not found (worst residual *); there may be none. To have one for every row, keep W under a rule by WellPosedness. History*");
        monitor.Warnings[0].Should().NotContainAny("Tolerance", "MaxIterations", "Solver");
    }

    /// <summary>Only those rows that do not meet the tolerance.</summary>
    [Theory, OnDevices]
    public void Rows_are_counted_one_by_one(string device)
    {
        TorchBackend.EnsureAvailable(device);
        // A row of zeros has its equilibrium at zero, at once.
        var rows = new TrainingData(3, 1, [0, 0, 0, 1, 2, 3, 0, 0, 0, -1, 1, 1, 1, 1, 1], [0, 1, 0, 1, 1], null);
        using var engine = new Deq.MLNet.Training.Torch.TorchEngine(Setup.Settings(Architecture(new Picard(), new Anderson(), 9)), Swinging(), device);
        engine.Attach(rows);
        engine.Gradient([0, 1, 2, 3, 4]);
        engine.Gradient([1, 2]);

        engine.ReadMetrics().UnsolvedRows.Should().Be(4);
        engine.ReadMetrics().UnsolvedRows.Should().Be(0, "counts start anew");
    }

    /// <summary>Validation is measured at the tolerance of scoring, whatever that of training.</summary>
    [Theory, OnDevices]
    public void Validation_goes_by_the_tolerance_of_scoring_and_training_by_its_own(string device)
    {
        var c = new Torch.Gradients.GradientCase(12, 4, 1, 0.9, Activation.Tanh, false, 5);
        (double Training, double Validation) Losses(double training, double scoring)
        {
            using var engine = c.Engine(c.Architecture(new Implicit(), training) with { Scoring = new EquilibriumSettings(null, new Tolerance(scoring)) }, device);
            engine.Gradient([0, 1, 2, 3, 4, 5]);
            return (engine.ReadMetrics().Training.Loss, engine.Evaluate(c.Data, () => { }).Loss);
        }
        var exact = c.Reference().Loss(c.Parameters);

        Losses(0.1, 1e-12).Validation.Should().BeApproximately(exact, 1e-9);
        Losses(0.1, 1e-12).Training.Should().NotBeApproximately(exact, 1e-4 * exact);
        Losses(1e-12, 0.1).Training.Should().BeApproximately(exact, 1e-9);
        Losses(1e-12, 0.1).Validation.Should().NotBeApproximately(exact, 1e-4 * exact);
    }
}
