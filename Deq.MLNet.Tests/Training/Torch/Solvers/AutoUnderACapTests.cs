using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Solvers;

/// <summary>Where few states make the mixing dear, Auto weighed its cost alone and ran into the cap, where Anderson needs a few steps.</summary>
public sealed class AutoUnderACapTests
{
    private const int Size = 8, Cap = 200;

    [Fact]
    public void Auto_mixes_where_plain_iteration_would_end_at_the_cap()
    {
        TorchBackend.EnsureAvailable("cpu");
        using var scope = NewDisposeScope();
        var problem = new CellProblem(CellKind.NearlySingular, Size, 0.995, Activation.ReLU, 4);
        // Positive, so that every state is alive and the slow direction is felt.
        float[] u = [.. problem.U.Select(Math.Abs)];
        var tolerance = new Tolerance(1e-5);
        int Batch(FixedPointSolver options)
        {
            var injection = tensor(u).view(1, Size);
            using var solver = TensorSolver.Create(options, TensorPlace.On("cpu"));
            return solver.Solve(new CellMap(tensor(problem.W).view(Size, Size), injection, problem.Activation, null), zeros_like(injection), zeros_like(injection), tolerance, Cap).Unsolved;
        }
        SolveStatus Row(FixedPointSolver solver) => MapSolve.InFloat32(problem.W, u, problem.Activation, new EquilibriumSettings(solver, tolerance, Cap)).Solution.Status;

        Batch(new Picard()).Should().Be(1);
        Row(new Picard()).Should().Be(SolveStatus.IterationLimit);
        Batch(new Auto()).Should().Be(0);
        Row(new Auto()).IsSolved().Should().BeTrue();
    }
}
