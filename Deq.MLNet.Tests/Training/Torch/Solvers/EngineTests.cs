using Deq.MLNet.Training.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Solvers;

/// <summary>Every solver as that of the equilibrium and of the gradient, through the engine.</summary>
public sealed class EngineTests
{
    private const int Size = 10, Inputs = 3;

    public static TheoryData<FixedPointSolver> Solvers { get; } =
        [new Picard(0.7f), new Anderson(1), new Broyden(), new Newton(), new ForwardSubstitution(), new ForwardBackward(), new PeacemanRachford(), new Auto()];

    [Theory]
    [MemberData(nameof(Solvers))]
    public void Every_solver_gives_the_gradient_of_the_implicit_function_theorem(FixedPointSolver solver)
    {
        TorchBackend.EnsureAvailable();
        foreach (var activation in new[] { Activation.ReLU, Activation.Tanh })
        {
            foreach (var dropout in solver is ForwardBackward or PeacemanRachford ? new[] { 0f } : [0f, 0.3f])
            {
                // A method of straight lines finds the equilibrium of ReLU; it finds any phi's adjoint.
                var forward = activation == Activation.ReLU || solver is Picard or Anderson or Broyden or ForwardSubstitution or Auto ? solver : new Picard();
                var architecture = Setup.Deq(Size, activation, WellPosedness.None, forward, solver, 1e-11, 3_000, dropout);
                var cell = new RandomCell(Size, Inputs, 2, 0.6, 8).Fill();
                var w = cell.W.Select((v, i) => solver is ForwardSubstitution && i % Size >= i / Size ? 0 : v).ToArray();
                var network = new DeqNetwork(w, cell.U, cell.B, cell.V, cell.C, activation);
                var rows = Setup.Noise(6, Inputs, 2, 3);
                var settings = Setup.Settings(architecture);
                using var engine = new TorchEngine(settings, network, TensorPlace.On("cpu", ScalarType.Float64));
                engine.Attach(rows);

                var gradient = engine.Gradient([0, 1, 2, 3, 4, 5]);

                var reference = new DeqGradient(Size, activation, rows, dropout == 0 ? null : Mask(dropout, settings.Seed));
                Setup.RelativeDistance(gradient, reference.Gradient(Linear.ToDouble(network.Weights()))).Should().BeLessThan(1e-7, $"{activation}, dropout {dropout}");
                var metrics = engine.ReadMetrics();
                metrics.WorstResidual.Should().BeLessThanOrEqualTo(1e-11);
                metrics.WorstGradientResidual.Should().BeLessThanOrEqualTo(1e-11);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Solvers))]
    public void Steps_leave_no_tensor_behind(FixedPointSolver solver)
    {
        TorchBackend.EnsureAvailable();
        var live = DisposeScopeManager.Statistics.TensorStatistics;
        var before = live.ThreadTotalLiveCount;
        var architecture = Setup.Deq(Size, Activation.ReLU, WellPosedness.Spectral(0.5f), solver, maxIterations: 40);
        using (var engine = new TorchEngine(Setup.Settings(architecture), architecture.Initialize(Inputs, 1, Link.Identity, new bool[Inputs], new Random(1)), "cpu"))
        {
            engine.Attach(Setup.Noise(40, Inputs, 1, 3));
            engine.Step([.. Enumerable.Range(0, 32)], 1e-3);
            var after = live.ThreadTotalLiveCount;
            for (var step = 0; step < 20; step++)
            {
                engine.Step([.. Enumerable.Range(0, step % 3 == 0 ? 11 : 32)], 1e-3);
            }
            engine.Step([.. Enumerable.Range(0, 32)], 1e-3);
            live.ThreadTotalLiveCount.Should().Be(after);
        }
        live.ThreadTotalLiveCount.Should().Be(before);
    }

    private static double[] Mask(float probability, int seed)
    {
        using var scope = NewDisposeScope();
        using var dropout = new Dropout(probability, seed, torch.device("cpu"));
        return dropout.Mask(zeros(6, Size, ScalarType.Float64))!.data<double>().ToArray();
    }
}
