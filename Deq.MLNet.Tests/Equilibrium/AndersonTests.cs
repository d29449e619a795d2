using CsCheck;

namespace Deq.MLNet.Tests.Equilibrium;

public class AndersonTests
{
    private static readonly Tolerance Tight = new(1e-10, 1e-200);

    [Fact]
    public void It_needs_fewer_iterations_than_plain_iteration_on_a_positive_matrix_near_rank_one()
    {
        // Positive W = 0.95 v v' plus a little: plain iteration contracts by 0.95 a step.
        var random = new Random(7);
        const int size = 24;
        var v = Enumerable.Range(0, size).Select(_ => 0.5 + random.NextDouble()).ToArray();
        var w = v.SelectMany(a => v.Select(b => a * b * (1 + 0.02 * random.NextDouble()))).ToArray();
        var scale = 0.95 / Linear.SingularValues(w, size)[0];
        w = [.. w.Select(x => x * scale)];
        var u = v.Select(_ => random.NextDouble()).ToArray();

        var picard = MapSolve.InFloat64(w, u, Activation.ReLU, new EquilibriumSettings(new Picard(), Tight, 2_000));
        var anderson = MapSolve.InFloat64(w, u, Activation.ReLU, new EquilibriumSettings(new Anderson(), Tight, 2_000));
        picard.Solution.Iterations.Should().BeGreaterThan(200);
        anderson.Solution.Iterations.Should().BeLessThan(15);
        Linear.Distance(anderson.Z, FixedPoint.Of(w, u, Activation.ReLU)).Should().BeLessThan(1e-7);
    }

    [Fact]
    public void On_a_linear_cell_it_ends_once_its_memory_spans_the_space()
    {
        // With positive W and u the ReLU is the identity, and Anderson is GMRES: at most d + 1 evaluations and one that confirms.
        double[] w = [0.5, 0.1, 0.2, 0.1, 0.3, 0.1, 0.05, 0.2, 0.4], u = [1, 2, 3];
        var (solution, z) = MapSolve.InFloat64(w, u, Activation.ReLU, new EquilibriumSettings(new Anderson(memory: 3, ridge: 0), Tight));
        solution.Iterations.Should().BeLessThanOrEqualTo(6);
        Linear.Distance(z, FixedPoint.Of(w, u, Activation.ReLU)).Should().BeLessThan(1e-8);
    }

    [Fact]
    public void The_memory_changes_the_number_of_iterations()
    {
        var cell = new RandomCell(24, 4, 1, 0.97, 3).Fill();
        var counts = new[] { 1, 2, 5, 15 }.Select(memory => MapSolve.InFloat64(Linear.ToDouble(cell.W), cell.Injection, Activation.Tanh,
            new EquilibriumSettings(new Anderson(memory, ridge: 1e-12), Tight, 2_000)).Solution.Iterations).ToList();
        counts.Distinct().Should().HaveCountGreaterThan(2);
        counts[^1].Should().BeLessThan(counts[0]);
    }

    [Fact]
    public void The_ridge_does_not_depend_on_the_scale_of_the_state() => RandomCell.Within(0.3, 0.95).Sample(cell =>
    {
        // The ReLU cell is positively homogeneous; powers of two are exact, so the whole path scales bit for bit.
        var u = Linear.ToFloat(cell.Injection);
        var settings = new EquilibriumSettings(new Anderson(), new Tolerance(1e-5, 1e-30), 500);
        var (solution, z) = MapSolve.InFloat32(cell.W, u, Activation.ReLU, settings);
        foreach (var scale in new[] { 1 << 20, 1f / (1 << 20) })
        {
            var (scaled, scaledZ) = MapSolve.InFloat32(cell.W, [.. u.Select(v => v * scale)], Activation.ReLU, settings);
            scaled.Iterations.Should().Be(solution.Iterations);
            scaledZ.Should().Equal(z.Select(v => v * scale));
        }
    }, iter: LongForm.Times(60));

    [Theory]
    [InlineData(1e6f)]
    [InlineData(1e-6f)]
    public void Features_a_million_times_larger_or_smaller_take_as_many_iterations(float scale)
    {
        var cell = new RandomCell(20, 6, 1, 0.9, 9).Fill();
        var none = new float[20];
        var settings = new EquilibriumSettings(new Anderson(), new Tolerance(1e-5, 1e-30), 500);
        var network = new DeqNetwork(cell.W, cell.U, none, cell.V, cell.C, Activation.ReLU, scoring: settings);
        Iterations(network, [.. cell.X.Select(v => v * scale)]).Should().Be(Iterations(network, cell.X));

        static int Iterations(DeqNetwork network, float[] x) => network.Solve(x, new float[network.ScratchSize], new float[network.StateSize]).Iterations;
    }
}
