namespace Deq.MLNet.Tests.Networks;

public class SolveRowsTests
{
    [Fact]
    public void The_report_is_that_of_the_rows_one_by_one()
    {
        var cell = new RandomCell(10, 3, 1, 0.9, 5).Fill();
        var network = cell.Network(Activation.ReLU, scoring: new EquilibriumSettings(new Picard(), maxIterations: 12));
        var random = new Random(2);
        List<ReadOnlyMemory<float>> rows = [.. Enumerable.Range(0, 200).Select(_ => (ReadOnlyMemory<float>)RandomCell.Values(random, 3, 1)), new float[] { 1, float.NaN, 1 }];
        var (scratch, z) = (new float[network.ScratchSize], new float[10]);
        var traces = rows.Select(_ => new List<double>()).ToArray();
        var solutions = rows.Select((row, i) => network.Solve(row.Span, scratch, z, traces[i])).ToArray();

        var report = network.SolveRows(rows, trace: true);

        report.Should().BeEquivalentTo(SolveReport.From(solutions, report.EstimatedContraction), o => o.Excluding(r => r.Traces));
        report.Count(SolveStatus.InvalidInput).Should().Be(1);
        report.Unsolved.Should().BeInRange(1, 199);
        report.Traces.Should().HaveCount(201);
        report.Traces!.Zip(traces, solutions).Should().OnlyContain(t => t.First.SequenceEqual(t.Second) && t.First.Count == t.Third.Iterations);
        network.SolveRows(rows).Traces.Should().BeNull("it was not asked for");
    }

    [Fact]
    public void The_contraction_is_the_worst_of_the_rows_and_the_same_every_time()
    {
        // Where x is positive both states live and contract by 0.8; where it is negative the second alone does, by 0.3.
        var network = new DeqNetwork([0.8f, 0.1f, 0, 0.3f], [1, 0], [0, 1], [1, 1], [0], Activation.ReLU);
        double Of(params float[] x) => network.SolveRows([.. x.Select(v => (ReadOnlyMemory<float>)new[] { v })]).EstimatedContraction;
        Of(2).Should().BeApproximately(0.8, 1e-5);
        Of(-2).Should().BeApproximately(0.3, 1e-5);
        Of(-2, 2, -2).Should().BeApproximately(0.8, 1e-5);
        Of(-2, 2, -2).Should().Be(Of(-2, 2, -2));
        Of(float.NaN).Should().Be(double.NaN);
        Of().Should().Be(double.NaN);
        network.SolveRows([]).Rows.Should().Be(0);
    }

    [Fact]
    public void A_monotone_cell_may_have_a_rate_above_one_and_is_solved_all_the_same()
    {
        var problem = new CellProblem(CellKind.Monotone, 24, 0.5, Activation.Identity, 6);
        float[] identity = [.. Enumerable.Range(0, 24 * 24).Select(i => i % 25 == 0 ? 1f : 0)];
        var network = new DeqNetwork(problem.W, identity, new float[24], identity, new float[24], Activation.Identity, scoring: new EquilibriumSettings(new PeacemanRachford(), new Tolerance(1e-5)));
        var report = network.SolveRows([problem.U]);
        report.Count(SolveStatus.Converged).Should().Be(1);
        report.EstimatedContraction.Should().BeGreaterThan(2);
    }

    [Fact]
    public void Rows_of_a_wrong_length_are_refused() =>
        FluentActions.Invoking(() => new DeqNetwork([0.5f], [1, 1], [0], [1], [0], Activation.ReLU).SolveRows([new float[2], new float[3]])).Should().Throw<ArgumentException>().WithMessage("rows has 3 values; its shape (n) needs 2.*");

    /// <summary>A report is for looking at rows that are hard: it does not throw at the first of them.</summary>
    [Fact]
    public void None_throws_whatever_scoring_would_do()
    {
        var network = new DeqNetwork([3], [1], [0], [1], [0], Activation.ReLU, scoring: new EquilibriumSettings(new Picard(), onNonConvergence: OnNonConvergence.Throw));
        network.SolveRows([new float[] { 1 }, new float[] { -1 }]).RowsByStatus.Should().Equal(1, 0, 0, 1, 0);
    }
}
