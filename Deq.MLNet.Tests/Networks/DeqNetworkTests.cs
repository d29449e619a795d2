using CsCheck;

namespace Deq.MLNet.Tests.Networks;

public class DeqNetworkTests
{
    private static readonly EquilibriumSettings Fine = new(new Anderson(), new Tolerance(1e-6), 1_000);

    /// <summary>Evaluate once handed Solve less scratch than Solve asked for.</summary>
    [Fact]
    public void Evaluate_and_Solve_agree_with_float64() => Gen.Select(RandomCell.Within(0.1, 0.95), Gen.Enum<Activation>()).Sample((cell, activation) =>
    {
        var network = cell.Network(activation, scoring: Fine);
        var (y, z) = (network.Evaluate(cell.X), new float[cell.Size]);
        var solution = network.Solve(cell.X, new float[network.ScratchSize], z);

        solution.Status.Should().BeOneOf(SolveStatus.Converged, SolveStatus.AtPrecisionLimit);
        var (z64, y64) = (cell.Equilibrium(activation), cell.Outputs64(activation));
        var allowed = 4e-6 * (1 + Linear.Norm(z64)) / (1 - cell.Norm);
        Linear.Distance(Linear.ToDouble(z), z64).Should().BeLessThan(allowed);
        Linear.Distance(Linear.ToDouble(y), y64).Should().BeLessThan(allowed * (1 + Linear.Norm(Linear.ToDouble(cell.V))));
    }, iter: LongForm.Times(60));

    [Fact]
    public void One_solve_gives_the_state_of_Solve_and_the_outputs_of_Evaluate() => Gen.Select(RandomCell.Within(0.1, 0.95), Gen.Enum<Activation>(), Gen.Bool).Sample((cell, activation, missing) =>
    {
        var network = cell.Network(activation, scoring: Fine);
        var x = cell.X.ToArray();
        x[0] = missing ? float.NaN : x[0];
        var scratch = new float[network.ScratchSize];
        var (y, z, outputs, state) = (new float[cell.Outputs], new float[cell.Size], new float[cell.Outputs], new float[cell.Size]);
        network.EvaluateAffine(x, scratch, y);
        var solution = network.Solve(x, scratch, z);

        network.EvaluateAffine(x, scratch, state, outputs).Should().Be(solution);

        state.Should().Equal(z, Same);
        outputs.Should().Equal(y, Same);
        FluentActions.Invoking(() => network.EvaluateAffine(x, scratch, state, new float[cell.Outputs + 1])).Should().Throw<ArgumentException>().WithMessage("y has*its shape (K)*");

        static bool Same(float a, float b) => a.Equals(b);
    }, iter: LongForm.Times(60));

    [Fact]
    public void Every_array_of_a_wrong_length_is_refused_by_name()
    {
        // d = 2, n = 3, K = 1.
        Refused(() => Make(w: 3), "*w has 3 values; its shape d x d needs 4.*");
        Refused(() => Make(w: 5), "*w has 5 values; its shape d x d needs 4.*");
        Refused(() => Make(u: 7), "*u has 7 values; its shape d x n needs 6.*");
        Refused(() => Make(u: 1), "*must be at least 1*");
        Refused(() => Make(b: 0), "*the state size is 0*");
        Refused(() => Make(v: 1), "*v has 1 values; its shape K x d needs 2.*");
        Refused(() => Make(c: 0), "*outputSize is 0*");
        Make().Should().BeEquivalentTo(new { InputSize = 3, StateSize = 2, OutputSize = 1, ParameterCount = 4 + 6 + 2 + 2 + 1 }, o => o.ExcludingMissingMembers());
    }

    [Theory]
    [InlineData(0, "W")]
    [InlineData(1, "U")]
    [InlineData(2, "b")]
    [InlineData(3, "V")]
    [InlineData(4, "c")]
    public void A_value_that_is_not_finite_is_refused_by_name(int array, string name)
    {
        foreach (var bad in new[] { float.NaN, float.PositiveInfinity })
        {
            float[][] arrays = [new float[4], new float[6], new float[2], new float[2], new float[1]];
            arrays[array][^1] = bad;
            Refused(() => new DeqNetwork(arrays[0], arrays[1], arrays[2], arrays[3], arrays[4], Activation.ReLU), $"{name} holds a value that is not finite.*");
        }
    }

    [Fact]
    public void Values_outside_the_enums_are_refused()
    {
        var activation = () => new DeqNetwork(new float[1], new float[1], new float[1], new float[1], new float[1], (Activation)9);
        activation.Should().Throw<ArgumentOutOfRangeException>().Which.ParamName.Should().Be("activation");
        var link = () => new DeqNetwork(new float[1], new float[1], new float[1], new float[1], new float[1], Activation.ReLU, (Link)(-1));
        link.Should().Throw<ArgumentOutOfRangeException>().Which.ParamName.Should().Be("link");
    }

    [Fact]
    public void The_arrays_are_copied()
    {
        var cell = new RandomCell(6, 3, 2, 0.8, 4).Fill();
        var network = cell.Network(Activation.Tanh);
        var before = network.Evaluate(cell.X);
        foreach (var array in new[] { cell.W, cell.U, cell.B, cell.V, cell.C })
        {
            Array.Fill(array, float.NaN);
        }
        network.Evaluate(cell.X).Should().Equal(before).And.OnlyContain(v => float.IsFinite(v));
    }

    [Fact]
    public void Spans_of_a_wrong_length_are_refused()
    {
        var network = new RandomCell(4, 3, 2, 0.5, 1).Fill().Network(Activation.ReLU);
        var scratch = new float[network.ScratchSize];
        Refused(() => network.Solve(new float[2], scratch, new float[4]), "x has 2 values; its shape (n) needs 3.*");
        Refused(() => network.Solve(new float[3], scratch, new float[5]), "z has 5 values; its shape (d) needs 4.*");
        Refused(() => network.Solve(new float[3], new float[scratch.Length - 1], new float[4]), "scratch has *; this network needs *");
    }

    [Fact]
    public void A_row_that_diverges_gives_NaN()
    {
        var network = new DeqNetwork([3], [1], [0], [1], [0], Activation.ReLU, scoring: new EquilibriumSettings(new Picard()));
        var z = new float[1];
        network.Solve([1], new float[network.ScratchSize], z).Should().Match<RowSolution>(r => r.Status == SolveStatus.Diverged && double.IsPositiveInfinity(r.Residual), "it is no residual of the z returned");
        z.Should().Equal(float.NaN);
        network.Evaluate([1]).Should().Equal(float.NaN);
        network.Evaluate([-1]).Should().Equal([0f], "the next row is none the worse");
    }

    private static DeqNetwork Make(int w = 4, int u = 6, int b = 2, int v = 2, int c = 1) =>
        new(new float[w], new float[u], new float[b], new float[v], new float[c], Activation.ReLU);

    private static void Refused(Func<object> make, string message) => make.Should().Throw<ArgumentException>().WithMessage(message);

    [Fact]
    public void A_network_without_a_rule_is_not_measured_before_its_certificate_is_read()
    {
        const int Size = 200;
        var w = RandomCell.Values(new Random(1), Size * Size, 0.01);
        DeqNetwork Make(WellPosedness? rule) => new(w, new float[Size], new float[Size], new float[Size], [0], Activation.ReLU, rule: rule);
        long BytesToMeasure(DeqNetwork network)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            _ = network.Certificate;
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        // Two float64 matrices, where it is measured.
        BytesToMeasure(Make(null)).Should().BeGreaterThan(8 * Size * Size);
        BytesToMeasure(Make(WellPosedness.None)).Should().BeGreaterThan(8 * Size * Size);
        BytesToMeasure(Make(WellPosedness.Spectral())).Should().BeLessThan(Size * Size, "the constructor has measured it");
    }
}
