using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Solvers;

public sealed class NewtonThreadsTests
{
    /// <summary>With two threads the batched systems of 150 states never ended, and those of 300 had impossible pivots.</summary>
    [Theory]
    [InlineData(150)]
    [InlineData(300)]
    public void Newton_solves_batches_of_many_states_on_more_than_one_thread(int size)
    {
        TorchBackend.EnsureAvailable("cpu");
        var threads = get_num_threads();
        set_num_threads(2);
        try
        {
            using var scope = NewDisposeScope();
            var cell = new RandomCell(size, 3, 1, 0.8, 1).Fill();
            var injection = tensor(RandomCell.Values(new Random(2), 32 * size, 1)).view(32, size);
            using var solver = TensorSolver.Create(new Newton(), TensorPlace.On("cpu"));
            var (z, f) = (zeros_like(injection), zeros_like(injection));
            solver.Solve(new CellMap(tensor(cell.W).view(size, size), injection, Activation.ReLU, null), z, f, new Tolerance(1e-5), 50).Unsolved.Should().Be(0);
            get_num_threads().Should().Be(2);
        }
        finally
        {
            set_num_threads(threads);
        }
    }
}
