using Deq.MLNet.Training.Torch.Solvers;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Solvers;

/// <summary>Every row of a batch is judged by itself: what is done stays, what fails harms no other, what is not done ends with its best.</summary>
public abstract class RowTests(bool judgesRows)
{
    /// <summary>Three states that do not know of each other: one quick, one without an equilibrium above zero, one slow.</summary>
    private static readonly double[] Mixed = [0.5, 0, 0, 0, 1.5, 0, 0, 0, 0.95];

    private static readonly double[] Easy = [1, -1, -1], Hard = [1, -1, 1], Endless = [1, 1, -1], Invalid = [1, double.NaN, 1], Infinite = [double.PositiveInfinity, -1, 1];

    private static readonly FixedPointSolver[] OfContractions =
        [new Picard(), new Picard(0.5f), new Anderson(), new Anderson(1), new Broyden(), new Newton(), new ForwardBackward(0.5f), new PeacemanRachford(), new Auto()];

    public static TheoryData<FixedPointSolver, ScalarType> All
    {
        get
        {
            var cases = new TheoryData<FixedPointSolver, ScalarType>();
            foreach (var solver in OfContractions.Append(new ForwardSubstitution()))
            {
                cases.Add(solver, ScalarType.Float32);
                cases.Add(solver, ScalarType.Float64);
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_row_is_solved_in_any_company_as_it_is_alone(FixedPointSolver solver, ScalarType type)
    {
        var batch = new BatchSolve(Mixed, [Invalid, Easy, Endless, Hard, Infinite, Easy], Activation.ReLU) { JudgesRows = judgesRows, Type = type, MaxIterations = 700 };
        var result = batch.By(solver);

        result.Rows[0].Status.Should().Be(SolveStatus.Diverged);
        result.Z[0][1].Should().Be(double.NaN);
        result.Rows[4].Status.Should().Be(SolveStatus.Diverged);
        result.Rows[1].Status.Should().Be(SolveStatus.Converged);
        result.Rows[3].Status.Should().Be(SolveStatus.Converged);
        result.Rows[2].Status.Should().BeOneOf(SolveStatus.Diverged, SolveStatus.IterationLimit);
        result.Rows[5].Should().Be(result.Rows[1]);
        result.Solution.Unsolved.Should().Be(3);
        result.Solution.MeanIterations.Should().BeApproximately(result.Rows.Average(r => r.Iterations), 1e-9);
        foreach (var row in new[] { 1, 3 })
        {
            var alone = (batch with { Injections = [batch.Injections[row]] }).By(solver);
            alone.Rows[0].Status.Should().Be(SolveStatus.Converged);
            if (solver is Auto)
            {
                // Its choice of a method is one for the whole batch.
                continue;
            }
            alone.Rows[0].Iterations.Should().Be(result.Rows[row].Iterations);
            result.Z[row].LargestDifference(alone.Z[0]).Should().BeLessThanOrEqualTo(1e-12);
            result.F[row].LargestDifference(alone.F[0]).Should().BeLessThanOrEqualTo(1e-12);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_row_that_is_done_keeps_its_state_bit_for_bit(FixedPointSolver solver, ScalarType type)
    {
        // The invalid row lets a device judge each by itself from the first test on.
        var batch = new BatchSolve(Mixed, [Endless, Easy, Hard, Invalid], Activation.ReLU) { JudgesRows = judgesRows, Type = type, MaxIterations = 700 };
        var whole = batch.By(solver);
        var iterations = whole.Rows[1].Iterations;

        var upToThere = (batch with { MaxIterations = iterations }).By(solver);

        upToThere.Rows[1].Status.Should().Be(SolveStatus.Converged);
        whole.Solution.Iterations.Should().BeGreaterThan(iterations);
        whole.Z[1].Should().Equal(upToThere.Z[1]);
        whole.F[1].Should().Equal(upToThere.F[1]);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void One_step_leaves_the_start_and_two_lead_on(FixedPointSolver solver, ScalarType type)
    {
        var batch = new BatchSolve([0.4, 0, 0.2, -0.3], [[1, 0.5], [-0.2, 2]], Activation.ReLU) { JudgesRows = judgesRows, Type = type, Tolerance = new Tolerance(1e-14), Start = [[0.1, 0.2], [0.3, 0]] };
        var (one, two) = ((batch with { MaxIterations = 1 }).By(solver), (batch with { MaxIterations = 2 }).By(solver));
        foreach (var row in new[] { 0, 1 })
        {
            one.Z[row].LargestDifference(batch.Start[row]).Should().BeLessThan(1e-7);
            one.Rows[row].Residual.Should().BeApproximately(batch.Residual(row, one.Z[row]), 1e-5);
            one.Rows[row].Iterations.Should().Be(1);
            two.Z[row].Should().NotEqual(one.Z[row]);
            two.Rows[row].Residual.Should().BeLessThan(one.Rows[row].Residual).And.BeApproximately(batch.Residual(row, two.Z[row]), 1e-5);
            two.Rows[row].Iterations.Should().Be(2);
        }
        (one.Solution.Iterations, two.Solution.Iterations).Should().Be((1, 2));
    }

    /// <summary>The residual is the undamped one of the state returned, and never grows with the cap; the value returned is the map of that state.</summary>
    [Fact]
    public void A_row_that_is_not_done_ends_with_the_best_state_that_was_tested()
    {
        // Turns by a right angle and stretches a little: iterates leave and come back.
        double[] w = [0, -1.02, 1.02, 0];
        foreach (var solver in OfContractions)
        {
            var batch = new BatchSolve(w, [[1, 0.3], [0.2, -1], [double.NaN, 1]], Activation.Tanh is var tanh && solver is Newton or ForwardBackward or PeacemanRachford ? Activation.Identity : tanh)
            {
                JudgesRows = judgesRows,
                Tolerance = new Tolerance(1e-15, 1e-300),
            };
            var least = new[] { double.PositiveInfinity, double.PositiveInfinity };
            for (var cap = 3; cap <= 60; cap += 3)
            {
                var result = (batch with { MaxIterations = cap }).By(solver);
                foreach (var row in new[] { 0, 1 })
                {
                    result.Rows[row].Residual.Should().BeLessThanOrEqualTo(least[row], $"{solver}, cap {cap}").And.BeApproximately(batch.Residual(row, result.Z[row]), 1e-9, $"{solver}, cap {cap}");
                    result.F[row].LargestDifference(batch.Map(row, result.Z[row])).Should().BeLessThan(1e-9);
                    least[row] = result.Rows[row].Residual;
                }
                result.Solution.WorstResidual.Should().Be(double.PositiveInfinity, "one row never was finite");
            }
        }
    }

    /// <summary>A state returned is one whose value is returned with it, also when the last tests brought nothing better: the cell diverges after a good start.</summary>
    [Fact]
    public void A_row_that_diverges_ends_with_its_best_state()
    {
        foreach (var solver in new FixedPointSolver[] { new Picard(), new Picard(0.9f), new PeacemanRachford(), new ForwardBackward(1) })
        {
            // The equilibrium is -2; the start is a hair away.
            var batch = new BatchSolve([1.5], [[1.0], [1.0]], Activation.Identity) { JudgesRows = judgesRows, Start = [[-2 + 1e-3], [-2 - 1e-2]], Tolerance = new Tolerance(1e-6) };
            var result = batch.By(solver);
            foreach (var row in new[] { 0, 1 })
            {
                result.Rows[row].Status.Should().Be(SolveStatus.Diverged, $"{solver}");
                result.Z[row][0].Should().BeApproximately(-2, 0.2, $"{solver}");
                result.Rows[row].Residual.Should().BeApproximately(batch.Residual(row, result.Z[row]), 1e-12);
                result.F[row][0].Should().BeApproximately(batch.Map(row, result.Z[row])[0], 1e-12);
            }
        }
    }

    [Fact]
    public void Rows_at_the_rounding_error_of_their_number_type_are_done()
    {
        foreach (var (type, tolerance, most) in new[] { (ScalarType.Float32, 1e-9, 2e-6), (ScalarType.Float64, 1e-18, 1e-14) })
        {
            foreach (var solver in OfContractions)
            {
                foreach (var size in new[] { 1, 7, 32 })
                {
                    var cell = new RandomCell(size, 3, 1, 0.9, size).Fill();
                    var batch = new BatchSolve(Linear.ToDouble(cell.W), [cell.Injection, [.. cell.Injection.Select(v => 3 * v)]], Activation.ReLU) { JudgesRows = judgesRows, Type = type, Tolerance = new Tolerance(tolerance, 1e-100) };
                    foreach (var row in batch.By(solver).Rows)
                    {
                        row.Status.Should().BeOneOf([SolveStatus.AtPrecisionLimit, SolveStatus.Converged], $"{solver}, {type}, d = {size}");
                        row.Residual.Should().BeLessThan(most);
                        row.Iterations.Should().BeLessThan(1_500);
                    }
                }
            }
        }
    }

    /// <summary>As in the managed solver: a lucky small residual, with eight larger ones after it, ended a row though all were falling.</summary>
    [Fact]
    public void A_row_that_still_falls_while_few_states_are_alive_is_not_at_the_precision_limit()
    {
        foreach (var (w, u) in MostlyDeadCells.Of(30))
        {
            var batch = new BatchSolve(Linear.ToDouble(w), [Linear.ToDouble(u)], Activation.ReLU) { JudgesRows = judgesRows, Type = ScalarType.Float32, Tolerance = new Tolerance(1e-6) };
            // Its steps here are themselves rounded: they may come to rest a little above.
            batch.By(new PeacemanRachford()).Rows[0].Should().Match<RowSolution>(r => r.Status.IsSolved() && r.Residual < 4e-6);
        }
    }

    [Fact]
    public void A_solver_forgets_the_batch_before()
    {
        var cell = new RandomCell(9, 3, 1, 0.9, 4).Fill();
        var batch = new BatchSolve(Linear.ToDouble(cell.W), [cell.Injection, [.. cell.Injection.Select(v => -v)]], Activation.ReLU) { JudgesRows = judgesRows, Tolerance = new Tolerance(1e-9) };
        foreach (var options in OfContractions)
        {
            using var solver = TensorSolver.Create(options, batch.Place);
            var first = batch.By(solver);
            (batch with { Injections = [Enumerable.Repeat(double.NaN, 9).ToArray(), .. batch.Injections, cell.Injection] }).By(solver).Solution.Unsolved.Should().Be(1);

            var again = batch.By(solver);

            again.Rows.Should().Equal(first.Rows);
            again.Z.SelectMany(z => z).Should().Equal(first.Z.SelectMany(z => z));
        }
    }
}

public sealed class RowTestsOfTheHost() : RowTests(judgesRows: false);

public sealed class RowTestsOfADevice() : RowTests(judgesRows: true);
