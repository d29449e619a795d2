using TorchSharp;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Solvers;

/// <summary>What each method promises: how many iterations, what its options do, how it ends where there is nothing to find.</summary>
public abstract class MethodTests(bool judgesRows)
{
    private const SolveStatus C = SolveStatus.Converged, L = SolveStatus.IterationLimit, D = SolveStatus.Diverged;

    /// <summary>z = rho z + 1. At rho = 1 there is no equilibrium; above it there is one, which plain iteration and the splittings, whose condition is broken, run away from.</summary>
    public static TheoryData<FixedPointSolver, SolveStatus[]> LinearCells => new()
    {
        { new Picard(), [C, C, L, D, D] },
        { new Anderson(), [C, C, L, C, C] },
        { new Broyden(), [C, C, L, C, C] },
        { new Newton(), [C, C, L, C, C] },
        { new ForwardSubstitution(), [C, C, D, C, C] },
        { new ForwardBackward(), [C, C, L, D, D] },
        { new PeacemanRachford(), [C, C, L, D, D] },
        { new Auto(), [C, C, L, C, C] },
    };

    [Theory]
    [MemberData(nameof(LinearCells))]
    public void The_status_of_a_linear_cell_is_right_at_every_spectral_radius(FixedPointSolver solver, SolveStatus[] expected)
    {
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            foreach (var (rho, status) in new[] { 0.5, 0.99, 1, 1.5, 2 }.Zip(expected))
            {
                var result = new BatchSolve([rho], [[1.0]], Activation.Identity) { JudgesRows = judgesRows, Type = type, MaxIterations = 3_000 }.By(solver);
                result.Rows[0].Status.Should().Be(status, $"{solver} at {rho} in {type}");
                if (status == C)
                {
                    result.Z[0][0].Should().BeApproximately(1 / (1 - rho), 2e-3 / Math.Abs(1 - rho));
                }
            }
        }
    }

    [Fact]
    public void Every_option_changes_the_iterations()
    {
        // Linear, with rates from 0 to 0.95: many differences help.
        const int Size = 20;
        var w = Enumerable.Range(0, Size * Size).Select(i => i % (Size + 1) == 0 ? 0.95 * (i / Size) / (Size - 1) : 0).ToArray();
        var batch = new BatchSolve(w, [[.. Enumerable.Repeat(1.0, Size)]], Activation.ReLU) { JudgesRows = judgesRows, Tolerance = new Tolerance(1e-9) };
        int Iterations(FixedPointSolver solver)
        {
            var row = batch.By(solver).Rows[0];
            row.Status.Should().Be(SolveStatus.Converged, solver.ToString());
            return row.Iterations;
        }

        Iterations(new Picard(0.5f)).Should().BeGreaterThan(Iterations(new Picard()) * 3 / 2);
        Iterations(new Anderson(8)).Should().BeLessThan(Iterations(new Anderson(1)));
        Iterations(new Anderson(5, 0.3f)).Should().BeGreaterThan(Iterations(new Anderson(5)));
        Iterations(new Anderson(5, ridge: 0.5)).Should().BeGreaterThan(Iterations(new Anderson(5, ridge: 1e-10)));
        Iterations(new Broyden(20)).Should().BeLessThan(Iterations(new Broyden(1)));
        Iterations(new ForwardBackward(0.2f)).Should().BeGreaterThan(Iterations(new ForwardBackward(1)) * 3);
        Iterations(new PeacemanRachford(0.1f)).Should().BeGreaterThan(Iterations(new PeacemanRachford(1)) * 2);
        Iterations(new Auto()).Should().BeLessThan(Iterations(new Picard()) / 5, "so many plain steps are more than a step of mixing costs, times what it may need");
        batch = batch with { Tolerance = new Tolerance(1e-3) };
        Iterations(new Auto()).Should().Be(Iterations(new Picard()), "to this tolerance mixing would not pay");
    }

    /// <summary>Each had a formula of its own for the step where W is not monotone.</summary>
    [Fact]
    public void Forward_backward_takes_the_step_of_the_managed_solver_where_W_is_not_monotone()
    {
        double[] w = [1.5, 0, 0, -0.5], u = [1, 1];
        var z = new BatchSolve(w, [u], Activation.Identity) { JudgesRows = judgesRows, MaxIterations = 2 }.By(new ForwardBackward()).Z[0];
        z[0].Should().BeApproximately(1 / (1 + 1.5), 1e-12);
        MapSolve.InFloat64(w, u, Activation.Identity, new EquilibriumSettings(new ForwardBackward(), maxIterations: 2)).Z.LargestDifference(z).Should().BeLessThan(1e-12);
    }

    [Fact]
    public void Peaceman_Rachford_takes_few_steps_whatever_the_norm_of_W()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var problem = new CellProblem(CellKind.Monotone, 64, 0.5, Activation.ReLU, seed);
            Linear.SingularValues(problem.W64, 64)[0].Should().BeGreaterThan(3);
            var batch = new BatchSolve(problem.W64, [problem.U64], problem.Activation) { JudgesRows = judgesRows, MaxIterations = 200 };
            batch.By(new PeacemanRachford()).Rows[0].Should().Match<RowSolution>(r => r.Status == SolveStatus.Converged && r.Iterations <= 40);
            batch.By(new Picard()).Solution.Unsolved.Should().Be(1, "plain iteration is not for such cells");
        }
    }

    [Fact]
    public void Newton_takes_a_few_steps_where_W_is_nearly_singular_to_I()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var problem = new CellProblem(CellKind.NearlySingular, 48, 0.99, Activation.ReLU, seed);
            var batch = new BatchSolve(problem.W64, [[.. problem.U64.Select(Math.Abs)], problem.U64], problem.Activation) { JudgesRows = judgesRows, Tolerance = new Tolerance(1e-10) };
            batch.By(new Newton()).Rows.Should().OnlyContain(r => r.Status == SolveStatus.Converged && r.Iterations <= 10);
            batch.By(new Picard()).Rows[0].Iterations.Should().BeGreaterThan(500);
            batch.By(new Anderson()).Rows[0].Iterations.Should().BeLessThan(200);
        }
    }

    /// <summary>I - W is a P-matrix and strongly monotone, yet full steps go round three pieces for ever (the cycle of block pivoting, Murty 1988).</summary>
    [Fact]
    public void Newton_goes_on_by_damped_steps_where_the_pieces_cycle()
    {
        double[] w = [0, 0, -1.5, -1.5, 0, 0, 0, -1.5, 0], u = [1, 1, 1];
        var (z, seen) = (new double[] { 1, 0, 0 }, new HashSet<string>());
        do
        {
            z.Should().NotEqual([0.4, 0.4, 0.4]);
            var slope = Linear.Affine(w, z, u).Select(v => Phi.Slope(Activation.ReLU, v)).ToArray();
            z = Linear.Solve([.. Enumerable.Range(0, 9).Select(i => (i % 4 == 0 ? 1 : 0) - slope[i / 3] * w[i])], slope);
        }
        while (seen.Add(string.Join(' ', z)));

        var result = new BatchSolve(w, [u, u, u], Activation.ReLU) { JudgesRows = judgesRows, Start = [[1, 0, 0], [0, 0, 0], [0, 1, 0]], Tolerance = new Tolerance(1e-12), MaxIterations = 100 }.By(new Newton());

        result.Rows.Should().OnlyContain(r => r.Status == SolveStatus.Converged);
        result.Z.SelectMany(row => row).LargestDifference(Enumerable.Repeat(0.4, 9)).Should().BeLessThan(1e-10);
        result.Rows[0].Iterations.Should().BeGreaterThan(12);
        result.Rows[1].Iterations.Should().BeLessThan(4);
    }

    [Fact]
    public void Auto_turns_to_mixing_where_plain_iteration_is_slow_and_the_state_is_large()
    {
        var problem = new CellProblem(CellKind.NearlySingular, 256, 0.995, Activation.ReLU, 1);
        var batch = new BatchSolve(problem.W64, [[.. problem.U64.Select(Math.Abs)]], problem.Activation) { JudgesRows = judgesRows };
        var (auto, plain) = (batch.By(new Auto()), batch.By(new Picard()));
        auto.Rows[0].Status.Should().Be(SolveStatus.Converged);
        auto.Rows[0].Iterations.Should().BeLessThan(plain.Rows[0].Iterations / 5);
    }

    /// <summary>Also of a batch whose rows have nothing in common, and whose differences vanish.</summary>
    [Fact]
    public void Anderson_survives_singular_small_systems()
    {
        // Constant maps, and one whose iterates lie on a line: all differences are parallel.
        foreach (var w in new[] { new double[9], [0.9, 0, 0, 0, 0, 0, 0, 0, 0] })
        {
            foreach (var ridge in new[] { 0, 1e-8 })
            {
                var batch = new BatchSolve(w, [[1, 2, 3], [0, 0, 0], [1, 0, 0]], Activation.ReLU) { JudgesRows = judgesRows, Tolerance = new Tolerance(1e-12) };
                batch.By(new Anderson(10, ridge: ridge)).Rows.Should().OnlyContain(r => r.Status == SolveStatus.Converged && r.Iterations <= 12);
            }
        }
    }

    [Fact]
    public void No_tensor_outlives_a_solve_and_Broyden_keeps_no_more_than_its_memory()
    {
        TorchBackend.EnsureAvailable();
        var problem = new CellProblem(CellKind.Gaussian, 40, 0.99, Activation.Tanh, 5);
        var live = DisposeScopeManager.Statistics.TensorStatistics;
        foreach (var solver in new FixedPointSolver[] { new Broyden(2), new Anderson(), new Newton(), new PeacemanRachford(), new ForwardBackward(), new Auto(), new Picard(0.9f) })
        {
            var before = live.ThreadTotalLiveCount;
            var activation = solver is Newton or PeacemanRachford or ForwardBackward ? Activation.ReLU : Activation.Tanh;
            new BatchSolve(problem.W64, [problem.U64], activation) { JudgesRows = judgesRows, Tolerance = new Tolerance(1e-15), MaxIterations = 60 }.By(solver);
            live.ThreadTotalLiveCount.Should().Be(before, solver.ToString());
        }
    }
}

public sealed class MethodTestsOfTheHost() : MethodTests(judgesRows: false);

public sealed class MethodTestsOfADevice() : MethodTests(judgesRows: true);
