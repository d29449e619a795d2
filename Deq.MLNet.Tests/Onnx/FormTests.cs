using Deq.MLNet.Equilibrium;
using Deq.MLNet.Onnx;
using Deq.MLNet.Onnx.Proto;
using static Deq.MLNet.Tests.Onnx.OnnxCases;

namespace Deq.MLNet.Tests.Onnx;

/// <summary>What each form does, step by step.</summary>
public class FormTests
{
    /// <summary>The states after some steps: a network whose outputs they are.</summary>
    private static float[] States(DeqNetwork network, OnnxForm form, int steps, float[] x)
    {
        var d = network.StateSize;
        var identity = Enumerable.Range(0, d * d).Select(i => i % (d + 1) == 0 ? 1f : 0).ToArray();
        var open = new DeqNetwork(network.W.Span, network.U.Span, network.B.Span, identity, new float[d], network.Activation, Link.Identity, null, network.Scoring);
        return Run(FormCase.Export(open, form, steps), x, network.InputSize);
    }

    /// <summary>A W near rank one, of the norm given and with positive entries: the rate of plain iteration where all states are active.</summary>
    private static DeqNetwork Hard(int seed, int d, double norm)
    {
        var random = new Random(seed);
        var direction = RandomCell.Values(random, d, 1).Select(v => (double)Math.Abs(v)).ToArray();
        var length = Linear.Norm(direction);
        var noise = RandomCell.WithNorm(random, d, 0.1);
        double[] w = [.. noise.Select((v, i) => v + direction[i / d] * direction[i % d] / length / length)];
        var scale = norm / Linear.SingularValues(w, d)[0];
        return new DeqNetwork(Linear.ToFloat(w.Select(v => scale * v)), RandomCell.Values(random, 3 * d, 0.5), RandomCell.Values(random, d, 0.5), RandomCell.Values(random, d, 1 / Math.Sqrt(d)), [0.1f], Activation.ReLU);
    }

    [Theory]
    [InlineData(32, 0.9, 20)]
    [InlineData(32, 0.95, 30)]
    [InlineData(48, 0.9, 30)]
    public void Mixing_arrives_where_plain_iteration_is_far_away(int d, double norm, int steps)
    {
        var network = Hard(d, d, norm);
        var x = Gaussian(new Random(5), 100 * 3);
        var y = Reference(network, x);
        double Error(OnnxForm form, int steps) => Run(FormCase.Export(network, form, steps), x, 3).LargestDifference(y) / y.Max(Math.Abs);

        Error(OnnxForm.UnrolledAnderson, steps).Should().BeLessThan(1e-5);
        Error(OnnxForm.Unrolled, 2 * steps).Should().BeGreaterThan(1e-3 * (norm / 0.9 - 0.6));
    }

    [Fact]
    public void Mixing_is_Anderson_with_a_memory_of_one_step()
    {
        var network = Hard(3, 16, 0.9);
        var row = Gaussian(new Random(2), 3);
        var injection = Float64.Injection(network, row);
        var cell = new Cell<double>(new CellWeights<double>(Linear.ToDouble(network.W.Span), network.Activation), injection);
        var options = new Anderson(memory: 1, ridge: 0);
        var anderson = new AndersonStep<double>(options, 16, new double[AndersonStep<double>.ScratchSize(options, 16)]);
        var (z, f) = (new double[16], new double[16]);
        for (var step = 1; step <= 9; step++)
        {
            cell.Apply(z, f);
            anderson.Advance(z, f, 1);
            States(network, OnnxForm.UnrolledAnderson, step, row).LargestDifference(z).Should().BeLessThan(2e-5 * z.Max(Math.Abs), "after {0} steps", step);
        }
    }

    [Fact]
    public void A_row_at_rest_stays_there()
    {
        // W = 0: at rest after one step. States below zero: at rest at once. The differences are zeros, and their quotient is none.
        var still = new DeqNetwork(new float[4], [1, -1], [0.25f, -0.5f], [1, 0], [0], Activation.ReLU);
        float[] x = [3, -0.25f, 0, 1e-30f];
        var first = States(still, OnnxForm.UnrolledAnderson, 1, x);
        foreach (var steps in new[] { 2, 3, 4, 50 })
        {
            States(still, OnnxForm.UnrolledAnderson, steps, x).Should().Equal(first);
        }
        var slow = new DeqNetwork([0.5f], [1], [0], [1], [0], Activation.Identity);
        x = [1, 3, 1e-12f, 1e12f, 1e-30f];
        var rest = States(slow, OnnxForm.UnrolledAnderson, 60, x);
        rest.Zip(x, (z, u) => z / u).Should().OnlyContain(ratio => Math.Abs(ratio - 2) < 1e-6);
        States(slow, OnnxForm.UnrolledAnderson, 61, x).Should().Equal(rest);
    }

    [Fact]
    public void A_row_stops_in_the_loop_at_its_own_residual_and_keeps_its_value()
    {
        var tolerance = new Tolerance(1e-4, 1e-3);
        var drawn = new FormCase(OnnxForm.Loop, Activation.Tanh).Network;
        var network = new DeqNetwork(drawn.W.Span, drawn.U.Span, drawn.B.Span, drawn.V.Span, drawn.C.Span, drawn.Activation, Link.Identity, null, new EquilibriumSettings(tolerance: tolerance));
        // A row that never stops keeps the loop running to its end.
        float[] x = [.. new FormCase(OnnxForm.Loop, Activation.Tanh).Rows(30).Select((v, i) => i / 3 * 0.1f * v), float.NaN, 0, 0];
        var loop = States(network, OnnxForm.Loop, 60, x);
        var stops = new HashSet<int>();
        for (var row = 0; row < 30; row++)
        {
            var (step, z) = (0, new double[7]);
            double[] f = z;
            do
            {
                (z, step) = (f, step + 1);
                f = Float64.Cell(network, x.AsSpan(row * 3, 3)).Apply(z);
            }
            while (Linear.Distance(f, z) > tolerance.Absolute + tolerance.Relative * Linear.Norm(f));
            stops.Add(step);
            loop[(row * 7)..(row * 7 + 7)].LargestDifference(f).Should().BeLessThan(2e-6);
        }
        stops.Count.Should().BeGreaterThan(2, "rows stop at steps of their own");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void The_loop_ends_after_the_most_iterations(int steps)
    {
        var network = Hard(1, 8, 0.99);
        var x = Gaussian(new Random(5), 6 * 3);
        States(network, OnnxForm.Loop, steps, x).Should().Equal(States(network, OnnxForm.Unrolled, steps, x));
    }

    [Fact]
    public void Splitting_takes_the_step_of_the_scoring_solver()
    {
        var drawn = new FormCase(OnnxForm.PeacemanRachford, Activation.LeakyReLU).Network;
        var x = Gaussian(new Random(5), 20 * 3);
        var y = Reference(drawn, x);
        float[][] outputs = [.. new[] { 1f, 0.6f }.Select(step =>
        {
            var network = new DeqNetwork(drawn.W.Span, drawn.U.Span, drawn.B.Span, drawn.V.Span, drawn.C.Span, drawn.Activation, Link.Identity, WellPosedness.Monotone(0.5f), new EquilibriumSettings(new PeacemanRachford(step)));
            Run(FormCase.Export(network, OnnxForm.PeacemanRachford, 150), x, 3).LargestDifference(y).Should().BeLessThan(1e-5 * y.Max(Math.Abs));
            return Run(FormCase.Export(network, OnnxForm.PeacemanRachford, 4), x, 3);
        })];
        outputs[0].LargestDifference(outputs[1]).Should().BeGreaterThan(1e-3);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(64)]
    public void Substitution_takes_any_number_of_states(int d)
    {
        foreach (var activation in new[] { Activation.ReLU, Activation.Tanh, Activation.LeakyReLU })
        {
            var network = new FormCase(OnnxForm.ForwardSubstitution, activation, Size: d).Network;
            var x = Gaussian(new Random(5), 20 * 3);
            var y = Reference(network, x);
            Run(FormCase.Export(network, OnnxForm.ForwardSubstitution, d), x, 3).LargestDifference(y).Should().BeLessThan(1e-6 * y.Max(Math.Abs));
        }
    }

    [Fact]
    public void The_nodes_of_a_mixed_step_read_as_its_formula() => Nodes(OnnxForm.UnrolledAnderson, 2).Should().Equal(
        "deq/step_02/gemm = Gemm(deq/step_01/relu, deq/W, deq/injection)",
        "deq/step_02/relu = Relu(deq/step_02/gemm)",
        "deq/step_02/g = Sub(deq/step_02/relu, deq/step_01/relu)",
        "deq/step_02/dg = Sub(deq/step_02/g, deq/step_01/relu)",
        "deq/step_02/df = Sub(deq/step_02/relu, deq/step_01/relu)",
        "deq/step_02/dg_dg/products = Mul(deq/step_02/dg, deq/step_02/dg)",
        "deq/step_02/dg_dg = MatMul(deq/step_02/dg_dg/products, deq/ones)",
        "deq/step_02/dg_dg_or_tiny = Max(deq/step_02/dg_dg, deq/tiny)",
        "deq/step_02/dg_g/products = Mul(deq/step_02/dg, deq/step_02/g)",
        "deq/step_02/dg_g = MatMul(deq/step_02/dg_g/products, deq/ones)",
        "deq/step_02/gamma = Div(deq/step_02/dg_g, deq/step_02/dg_dg_or_tiny)",
        "deq/step_02/mixed = Mul(deq/step_02/gamma, deq/step_02/df)",
        "deq/step_02/z = Sub(deq/step_02/relu, deq/step_02/mixed)");

    [Fact]
    public void The_nodes_of_a_split_step_read_as_its_formula() => Nodes(OnnxForm.PeacemanRachford, 2).Should().Equal(
        "deq/step_01/v = MatMul(deq/injection, deq/twice_resolvent)",
        "deq/step_01/relu = Relu(deq/step_01/v)",
        "deq/step_02/gemm = Gemm(deq/step_01/relu, deq/W, deq/injection)",
        "deq/step_02/bracket = Sub(deq/step_02/gemm, deq/step_01/v)",
        "deq/step_02/v = Gemm(deq/step_02/bracket, deq/twice_resolvent, deq/step_01/v)",
        "deq/step_02/relu = Relu(deq/step_02/v)");

    [Fact]
    public void The_nodes_of_substitution_read_from_the_first_state_to_the_last() => Nodes(OnnxForm.ForwardSubstitution, 3).Should().Equal(
        "deq/states/injection = Transpose(deq/injection)",
        "deq/states_1_3/first = Gather(deq/states/injection, deq/range_0_2)",
        "deq/states_1_2/first = Gather(deq/states_1_3/first, deq/range_0_1)",
        "deq/state_1/relu = Relu(deq/states_1_2/first)",
        "deq/states_1_2/second = Gather(deq/states_1_3/first, deq/range_1_1)",
        "deq/states_1_2/gemm = Gemm(deq/states_1_2/W, deq/state_1/relu, deq/states_1_2/second)",
        "deq/state_2/relu = Relu(deq/states_1_2/gemm)",
        "deq/states_1_2/z = Concat(deq/state_1/relu, deq/state_2/relu)",
        "deq/states_1_3/second = Gather(deq/states/injection, deq/range_2_1)",
        "deq/states_1_3/gemm = Gemm(deq/states_1_3/W, deq/states_1_2/z, deq/states_1_3/second)",
        "deq/state_3/relu = Relu(deq/states_1_3/gemm)",
        "deq/states_1_3/z = Concat(deq/states_1_2/z, deq/state_3/relu)",
        "deq/states/transpose = Transpose(deq/states_1_3/z)");

    [Fact]
    public void A_loop_reads_what_its_body_reads()
    {
        var model = ModelProto.Parser.ParseFrom(FormCase.Export(Still(3), OnnxForm.Loop, 9));
        var loop = model.Graph.Node.Single(node => node.OpType == "Loop");
        loop.Name.Should().Be("deq/loop");
        OnnxModelBuilder.Reads(loop).Should().Contain(["deq/loop/most", "deq/step_01/relu", "deq/W", "deq/injection", "deq/ones", "deq/loop/relative"]);
        var body = loop.Attribute.Single().G;
        body.Initializer.Should().BeEmpty("constants stand outside");
        body.Node.Select(node => node.Name).Should().OnlyHaveUniqueItems().And.OnlyContain(name => name.StartsWith("deq/loop/"));
        body.Output.Select(output => output.Name).Should().Equal("deq/loop/any_running", "deq/loop/z", "deq/loop/running");
    }

    private static DeqNetwork Still(int d) => new(new float[d * d], new float[d], new float[d], new float[d], [0], Activation.ReLU);

    /// <summary>The nodes of the equilibrium alone.</summary>
    private static IEnumerable<string> Nodes(OnnxForm form, int steps) =>
        from node in ModelProto.Parser.ParseFrom(FormCase.Export(Still(3), form, steps)).Graph.Node
        where node.Name.StartsWith("deq/st", StringComparison.Ordinal) && !(form == OnnxForm.UnrolledAnderson && node.Name.StartsWith("deq/step_01", StringComparison.Ordinal))
        select $"{node.Name} = {node.OpType}({string.Join(", ", node.Input)})";
}
