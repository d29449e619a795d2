using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Solvers;

namespace Deq.MLNet.Tests.Training.Torch.Solvers;

/// <summary>How often a solve waits for a device.</summary>
public sealed class ReadsOfSolvesTests
{
    private static readonly RandomCell Cell = new RandomCell(24, 3, 1, 0.9, 3).Fill();

    private static BatchSolve Batch(int rows = 5) => new(Linear.ToDouble(Cell.W), [.. Enumerable.Range(1, rows).Select(i => Cell.Injection.Select(u => u * i).ToArray())], Activation.ReLU)
    {
        JudgesRows = true,
        Tolerance = new Tolerance(1e-6),
    };

    /// <summary>Newton asks every row for its distance beside each test, forward-backward splitting for eigenvalues once.</summary>
    public static TheoryData<FixedPointSolver, int, int> Reads => new()
    {
        { new Picard(), 1, 0 },
        { new Picard(0.7f), 1, 0 },
        { new Anderson(), 1, 0 },
        { new Broyden(), 1, 0 },
        { new Auto(), 1, 0 },
        { new PeacemanRachford(), 1, 0 },
        { new ForwardBackward(0.5f), 1, 0 },
        { new ForwardBackward(), 1, 1 },
        { new Newton(), 2, 0 },
    };

    [Theory]
    [MemberData(nameof(Reads))]
    public void A_solve_reads_once_a_test(FixedPointSolver options, int perTest, int beside)
    {
        using var solver = Solver(options);
        var (iterations, reads) = Solve(solver, Batch());
        var tests = options is Newton ? iterations : (iterations + 2) / 3;
        reads.Should().BeLessThanOrEqualTo(perTest * tests + beside).And.BeGreaterThanOrEqualTo(tests);
    }

    /// <summary>The read of patience, and that of the test at which the rows part.</summary>
    [Fact]
    public void Rows_that_part_or_lose_patience_cost_a_read_more()
    {
        using var solver = Solver(new Picard());
        var (iterations, reads) = Solve(solver, Batch() with { W = [.. Batch().W.Select(w => 3 * w)], MaxIterations = 60 });
        var tests = (iterations + 2) / 3;
        reads.Should().BeGreaterThan(tests).And.BeLessThanOrEqualTo(tests + 1 + iterations / 8);
    }

    [Fact]
    public void A_batch_like_the_last_ones_takes_two_reads_and_no_iteration_too_many()
    {
        using var solver = Solver(new Picard());
        var first = Solve(solver, Batch());
        first.Reads.Should().Be(first.Iterations / 3).And.BeGreaterThan(4);
        using var exact = TensorSolver.Create(new Picard(), Batch().Place with { TestEvery = 1 });
        var needed = Solve(exact, Batch()).Iterations;
        Solve(solver, Batch()).Reads.Should().BeLessThanOrEqualTo(2);
        Solve(solver, Batch()).Reads.Should().BeLessThanOrEqualTo(2);
        for (var repeat = 0; repeat < 6; repeat++)
        {
            Solve(solver, Batch()).Should().Be((needed, 2));
        }
        solver.BeginEpoch();
        Solve(solver, Batch()).Should().Be(first, "an epoch begins as the first did");
    }

    [Fact]
    public void Quicker_and_slower_batches_are_found_out()
    {
        using var solver = Solver(new Picard());
        var (needed, _) = Enumerable.Range(0, 4).Select(_ => Solve(solver, Batch())).ToArray()[^1];
        var quick = Batch() with { Injections = [new double[24]] };
        var iterations = needed;
        for (var solve = 0; iterations > 1; solve++)
        {
            var (now, reads) = Solve(solver, quick);
            reads.Should().Be(1);
            now.Should().Be(Math.Max(1, iterations - Math.Min(solve + 1, 3)), "it comes down by ever more, up to an interval, at a time");
            iterations = now;
        }
        // From 1 on: at 1, 2, 3, 5, 8, and then in intervals.
        var slow = Solve(solver, Batch());
        slow.Iterations.Should().BeInRange(needed, needed + 2);
        slow.Reads.Should().Be(3 + (slow.Iterations - 2) / 3);
    }

    /// <summary>Its tests steer Auto, and a row that is given up ends with the best state tested.</summary>
    [Fact]
    public void Nothing_is_remembered_where_tests_were_of_use_on_the_way()
    {
        var slow = new CellProblem(CellKind.NearlySingular, 256, 0.995, Activation.ReLU, 1);
        var mixed = new BatchSolve(slow.W64, [[.. slow.U64.Select(Math.Abs)]], Activation.ReLU) { JudgesRows = true };
        using var auto = Solver(new Auto());
        Solve(auto, mixed).Should().Be(Solve(auto, mixed));
        var endless = Batch() with { W = [.. Batch().W.Select(w => 3 * w)], MaxIterations = 40 };
        using var picard = Solver(new Picard());
        Solve(picard, endless).Should().Be(Solve(picard, endless));
    }

    [Fact]
    public void The_interval_may_be_set_for_measurements()
    {
        using var solver = TensorSolver.Create(new Picard(), Batch().Place with { TestEvery = 1 });
        var (iterations, reads) = Solve(solver, Batch());
        reads.Should().Be(iterations);
    }

    private static TensorSolver Solver(FixedPointSolver options)
    {
        TorchBackend.EnsureAvailable();
        return TensorSolver.Create(options, Batch().Place);
    }

    private static (int Iterations, int Reads) Solve(TensorSolver solver, BatchSolve batch)
    {
        var before = DeviceReads.Count;
        var solution = batch.By(solver, tellsRows: false).Solution;
        return (solution.Iterations, (int)(DeviceReads.Count - before));
    }
}
