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
    public void A_batch_that_is_much_quicker_or_slower_than_the_last_is_found_out_at_once()
    {
        using var solver = Solver(new Picard());
        var (needed, _) = Enumerable.Range(0, 4).Select(_ => Solve(solver, Batch())).ToArray()[^1];
        // Solved at 1, whose residual of 0 tells nothing of how early: half as long each time.
        var quick = Batch() with { Injections = [new double[24]] };
        for (var iterations = needed; iterations > 2;)
        {
            var (now, reads) = Solve(solver, quick);
            reads.Should().Be(1);
            now.Should().BeLessThanOrEqualTo(iterations == needed ? needed - 1 : (iterations + 1) / 2);
            iterations = now;
        }
        // From 1 on: at 1, 2, 3, 5, 8, and then in intervals.
        var slow = Solve(solver, Batch());
        slow.Iterations.Should().BeInRange(needed, needed + 2);
        slow.Reads.Should().BeInRange(3, 3 + slow.Iterations / 3);
    }

    /// <summary>After one hard batch, easy ones once were iterated for long: only three iterations fewer each time.</summary>
    [Fact]
    public void Easy_batches_after_a_hard_one_take_few_iterations_again()
    {
        var hard = new CellProblem(CellKind.NearlySingular, 24, 0.95, Activation.ReLU, 1);
        using var solver = Solver(new Picard());
        var easy = Enumerable.Range(0, 4).Select(_ => Solve(solver, Batch())).ToArray()[^1];
        var worst = Solve(solver, new BatchSolve(hard.W64, [[.. hard.U64.Select(Math.Abs)]], Activation.ReLU) { JudgesRows = true, Tolerance = Batch().Tolerance });
        worst.Iterations.Should().BeGreaterThan(4 * easy.Iterations);

        var after = Enumerable.Range(0, 6).Select(_ => Solve(solver, Batch())).ToArray();

        after[^1].Should().Be(easy, string.Join(' ', after));
        after.Sum(s => s.Iterations).Should().BeLessThan(2 * worst.Iterations + 6 * easy.Iterations, string.Join(' ', after));
    }

    /// <summary>The first test of a solve stood so late that a map which explodes had no finite state left.</summary>
    [Fact]
    public void A_batch_that_explodes_after_a_long_one_ends_with_a_finite_state()
    {
        var hard = new CellProblem(CellKind.NearlySingular, 24, 0.95, Activation.ReLU, 1);
        using var solver = Solver(new Picard());
        var calm = new BatchSolve(hard.W64, [[.. hard.U64.Select(Math.Abs)]], Activation.ReLU) { JudgesRows = true, Tolerance = Batch().Tolerance, Type = TorchSharp.torch.ScalarType.Float32 };
        Solve(solver, calm).Iterations.Should().BeGreaterThan(60);
        var explodes = calm with { W = [.. hard.W64.Select(w => 1.4 * w)], MaxIterations = 200 };

        var ended = explodes.By(solver, tellsRows: false);

        ended.Solution.Unsolved.Should().Be(1);
        ended.Z[0].Should().OnlyContain(z => double.IsFinite(z));
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
