using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;
using Deq.MLNet.Onnx.Proto;
using static Deq.MLNet.Tests.Onnx.OnnxCases;
using static Deq.MLNet.Tests.Onnx.OnnxPlans;

namespace Deq.MLNet.Tests.Onnx;

public class OnnxExporterTests
{
    [Fact]
    public void The_graph_reads_as_the_iteration()
    {
        var network = RandomDeq(1, 5, 0.5, Activation.ReLU, Link.Softmax, 2);
        var (bytes, report) = Export(network, new OnnxExportOptions { Steps = 3 });
        var graph = ModelProto.Parser.ParseFrom(bytes).Graph;

        graph.Node.Select(n => $"{n.Name} = {n.OpType}({string.Join(", ", n.Input)})").Should().Equal(
            "deq/injection = Gemm(Features, deq/U, deq/b)",
            "deq/step_01/relu = Relu(deq/injection)",
            "deq/step_02/gemm = Gemm(deq/step_01/relu, deq/W, deq/injection)",
            "deq/step_02/relu = Relu(deq/step_02/gemm)",
            "deq/step_03/gemm = Gemm(deq/step_02/relu, deq/W, deq/injection)",
            "deq/step_03/relu = Relu(deq/step_03/gemm)",
            "deq/output/gemm = Gemm(deq/step_03/relu, deq/V, deq/c)",
            "deq/missing/matmul = MatMul(Features, deq/missing/zeros)",
            "deq/output/softmax = Softmax(deq/output/gemm)",
            "deq/missing/add = Add(deq/output/softmax, deq/missing/matmul)");
        graph.Node[^1].Output.Should().Equal("Score");
        report.NodeCount.Should().Be(graph.Node.Count);
        foreach (var (value, width) in new[] { (graph.Input.Single(), 3), (graph.Output.Single(), 2) })
        {
            value.Type.TensorType.Shape.Dim.Select(d => (d.DimParam, d.DimValue)).Should().Equal(("B", 0), ("", width));
        }
    }

    [Fact]
    public void Layers_of_a_feed_forward_network_are_numbered()
    {
        var graph = ModelProto.Parser.ParseFrom(Export(RandomFnn(1, Activation.Tanh, Link.Exp, 3, 4, 2)).Bytes).Graph;
        graph.Node.Select(n => n.Name).Should().Equal(
            "fnn/layer_1/gemm", "fnn/layer_1/tanh", "fnn/output/gemm", "fnn/missing/matmul", "fnn/output/exp", "fnn/missing/add");
    }

    [Fact]
    public void A_second_output_reads_the_same_affine_values()
    {
        var network = RandomDeq(1, 5, 0.5, Activation.ReLU, Link.Identity);
        var graph = ModelProto.Parser.ParseFrom(Export(network, new OnnxExportOptions { Steps = 1 }, (new Readout(Link.Logistic, 3, -1), "Probability"), (new Readout(Link.Exp), "Mean")).Bytes).Graph;
        graph.Node.Skip(2).Select(n => $"{n.Output[0]} = {n.OpType}({string.Join(", ", n.Input)})").Should().Equal(
            "deq/output/gemm = Gemm(deq/step_01/relu, deq/V, deq/c)",
            "deq/missing/matmul = MatMul(Features, deq/missing/zeros)",
            "Score = Add(deq/output/gemm, deq/missing/matmul)",
            "deq/output_2/scaled = Mul(deq/output/gemm, deq/output_2/slope)",
            "deq/output_2/shifted = Add(deq/output_2/scaled, deq/output_2/offset)",
            "deq/output_2/sigmoid = Sigmoid(deq/output_2/shifted)",
            "Probability = Add(deq/output_2/sigmoid, deq/missing/matmul)",
            "deq/output_3/exp = Exp(deq/output/gemm)",
            "Mean = Add(deq/output_3/exp, deq/missing/matmul)");
        graph.Initializer.Where(i => i.Name.Contains("output_2")).Select(i => BitConverter.ToSingle(i.RawData.Span)).Should().Equal(3, -1);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(40)]
    [InlineData(500)]
    public void Steps_given_are_the_steps_written(int steps)
    {
        var (bytes, report) = Export(Unmeasured, new OnnxExportOptions { Steps = steps });

        report.Steps.Should().Be(steps);
        report.MaxError.Should().BeNull();
        report.NodeCount.Should().Be(2 * steps + 3);
        // z = 0.5 z + x from zero, cut off: 2 x (1 - 2^-steps).
        Run(bytes, [3f], 1)[0].Should().BeApproximately((float)(6 * (1 - Math.Pow(0.5, steps))), 1e-6f);
        report.Bound.Should().BeApproximately(Math.Pow(0.5, steps), 1e-10);
    }

    [Fact]
    public void Float16_weights_are_measured_as_they_are_rounded()
    {
        var half = new OnnxExportOptions { Float16Weights = true, Form = OnnxForm.Unrolled };
        FluentActions.Invoking(() => Plan(Unmeasured, half)).Should().Throw<OnnxExportException>().WithMessage("*Float16Weights*CalibrationData*");
        FluentActions.Invoking(() => Plan(RandomFnn(1, Activation.Tanh, Link.Identity, 3, 4, 2), half)).Should().Throw<OnnxExportException>().WithMessage("*CalibrationData*");

        // z = x / (1 - w): w = 0.5003 is stored as 0.50048828125, c = 0 and all others as they are.
        var plan = Plan(Pair(0.5003f, rule: WellPosedness.Spectral(0.5003f)), half, Rows);
        var (exact, rounded) = (1 / (1 - (double)0.5003f), 1 / (1 - 0.50048828125));
        plan.WeightsError.Should().BeApproximately((rounded - exact) / exact, 1e-9);
        plan.MaxError.Should().BeLessThan(1e-5);
        plan.Bound.Should().BeApproximately(Math.Pow(0.50048828125, plan.Steps), 1e-12, "it is that of the rounded W");
        FluentActions.Invoking(() => Plan(Pair(70_000, Activation.Tanh), half with { Steps = 2 }, Rows)).Should().Throw<OnnxExportException>().WithMessage("W holds 70000, and float16 ends at 65504*");

        var fnn = RandomFnn(1, Activation.Tanh, Link.Identity, 1, 4, 2);
        Plan(fnn, half, Rows).WeightsError.Should().BeInRange(1e-6, 1e-2);
        Plan(fnn, new OnnxExportOptions(), Rows).WeightsError.Should().BeNull();
    }

    [Theory]
    [InlineData(OnnxForm.Unrolled)]
    [InlineData(OnnxForm.UnrolledAnderson)]
    [InlineData(OnnxForm.PeacemanRachford)]
    [InlineData(OnnxForm.Loop)]
    public void A_float16_file_computes_the_rounded_network(OnnxForm form)
    {
        var network = RandomDeq(31, 12, 0.7, Activation.ReLU, Link.Identity, 2);
        var x = Gaussian(new Random(1), 90);
        var plan = Plan(network, new OnnxExportOptions { Float16Weights = true, Form = form }, [.. x.Chunk(3).Select(row => (ReadOnlyMemory<float>)row)]);
        var builder = new OnnxModelBuilder("graph", 13);
        builder.AddInput("Features", 3);
        NetworkGraph.Add(builder, "Features", plan, [(new Readout(Link.Identity), "Score")]);
        builder.AddOutput("Score", 2);
        var (bytes, report) = OnnxExporter.Finish(builder, [plan], NoMetadata);

        report.WeightsError.Should().Be(plan.WeightsError).And.BeInRange(1e-5, 1e-2);
        var (scores, expected) = (Run(bytes, x, 3), Reference(network, x));
        var scale = expected.Max(Math.Abs);
        (scores.LargestDifference(Reference(plan.Network, x)) / scale).Should().BeLessThan(plan.MaxError!.Value + 2e-6);
        (scores.LargestDifference(expected) / scale).Should().BeInRange(0.9 * plan.WeightsError!.Value, 1.1 * plan.WeightsError!.Value + plan.MaxError!.Value);
    }

    [Fact]
    public void The_report_of_several_networks_has_the_largest_of_each_figure()
    {
        NetworkPlan Of(OnnxForm form, int steps, double? error, double? bound) => new(Unmeasured, form, steps) { MaxError = error, MeanError = error / 2, Bound = bound, BoundSteps = 2 * steps, WeightsError = error };
        OnnxExportReport Report(params NetworkPlan[] plans)
        {
            var builder = new OnnxModelBuilder("graph", 13);
            builder.AddInput("Features", 1);
            builder.AddNode("Relu", "relu", ["Features"], "Score");
            builder.AddOutput("Score", 1);
            return OnnxExporter.Finish(builder, plans, NoMetadata).Report;
        }
        Report(Of(OnnxForm.Unrolled, 5, 0.25, 0.5), Of(OnnxForm.UnrolledAnderson, 9, 0.125, null)).Should().Match<OnnxExportReport>(r =>
            r.Form == OnnxForm.UnrolledAnderson && r.Steps == 9 && r.MaxError == 0.25 && r.MeanError == 0.125 && r.Bound == null && r.BoundSteps == 18 && r.WeightsError == 0.25 && r.Domains.Count == 0);
        Report(Of(OnnxForm.Unrolled, 5, 0.25, 0.5), Of(OnnxForm.Unrolled, 4, null, 0.75)).Should().Match<OnnxExportReport>(r => r.Steps == 5 && r.MaxError == null && r.Bound == 0.75);
    }

    [Fact]
    public void No_bound_is_claimed_where_no_contraction_is_proved()
    {
        var network = new DeqNetwork([1.5f], [1], [0], [1], [0], Activation.Tanh);
        Export(network, new OnnxExportOptions { Steps = 9 }).Report.Bound.Should().BeNull();
    }

    [Theory]
    [InlineData("Spectral", 0.25 * 0.25 * 0.25)]
    [InlineData("InfinityNorm", 0.25 * 0.25 * 0.25 * 1.4142135623731)]
    [InlineData("Perron", 0.25 * 0.25 * 0.25 * 1.4142135623731)]
    [InlineData("Diagonal", 0.25 * 0.25 * 0.25)]
    public void The_bound_of_a_file_is_that_of_its_certificate(string rule, double bound)
    {
        var network = new DeqNetwork([0.25f, 0, 0, 0.25f], [1, 1], [0, 0], [1, 1], [0], Activation.ReLU, rule: RuleReference.Named(rule), scoring: new EquilibriumSettings());
        Export(network, new OnnxExportOptions { Steps = 3 }).Report.Bound.Should().BeApproximately(bound, 1e-8).And.Be(network.Certificate.PlainIterationError(3));
    }

    [Fact]
    public void A_strictly_triangular_cell_is_exact_after_as_many_steps_as_it_has_states()
    {
        var network = Triangular;
        (Export(network, new OnnxExportOptions { Steps = 2 }).Report.Bound, Export(network, new OnnxExportOptions { Steps = 3 }).Report.Bound).Should().Be((null, 0));
        // z = x, 6 x, 36 x.
        Run(Export(network, new OnnxExportOptions { Steps = 3 }).Bytes, [2f], 1)[0].Should().Be(86);
    }

    [Fact]
    public void The_bound_holds_for_rows_never_seen()
    {
        var network = RandomDeq(12, 10, 0.8, Activation.ReLU, Link.Identity);
        var identity = new float[100];
        for (var i = 0; i < 10; i++)
        {
            identity[11 * i] = 1;
        }
        var states = new DeqNetwork(network.W.Span, network.U.Span, network.B.Span, identity, new float[10], Activation.ReLU);
        var (bytes, report) = Export(states, new OnnxExportOptions { Steps = 6 });
        var x = Gaussian(new Random(77), 300).Select(v => 10 * v).ToArray();
        var z = Reference(states, x);
        var cut = Run(bytes, x, 3);
        for (var row = 0; row < 100; row++)
        {
            var error = Math.Sqrt(Enumerable.Range(10 * row, 10).Sum(i => Math.Pow(cut[i] - z[i], 2)));
            var norm = Math.Sqrt(Enumerable.Range(10 * row, 10).Sum(i => z[i] * z[i]));
            error.Should().BeLessThanOrEqualTo(report.Bound!.Value * norm);
        }
    }

    [Fact]
    public void The_same_network_gives_the_same_bytes()
    {
        var first = Export(RandomDeq(3, 9, 0.7, Activation.Tanh, Link.Exp)).Bytes;
        Export(RandomDeq(3, 9, 0.7, Activation.Tanh, Link.Exp)).Bytes.Should().Equal(first);
        Export(RandomDeq(4, 9, 0.7, Activation.Tanh, Link.Exp)).Bytes.Should().NotEqual(first);
    }

    [Fact]
    public void Weights_are_stored_once()
    {
        var network = RandomDeq(3, 80, 0.7, Activation.ReLU, Link.Identity);
        var (bytes, report) = Export(network, new OnnxExportOptions { Steps = 50 });
        report.Bytes.Should().Be(bytes.Length);
        bytes.Length.Should().BeInRange(4 * network.ParameterCount, 4 * network.ParameterCount + 200 * report.NodeCount + 1_000);
    }

    [Fact]
    public void The_file_tells_its_origin()
    {
        var (bytes, report) = Export(WithErrors(0.5f, 0.25f), "a", "b", new OnnxExportOptions { Steps = 2, Opset = 15 },
            new Dictionary<string, string> { ["task"] = "regression", ["deq.steps"] = "99" });
        var model = ModelProto.Parser.ParseFrom(bytes);

        model.ProducerName.Should().Be("Deq.MLNet");
        model.OpsetImport.Single().Version.Should().Be(15);
        var metadata = model.MetadataProps.ToDictionary(m => m.Key, m => m.Value);
        metadata.Keys.Should().BeInAscendingOrder(StringComparer.Ordinal);
        (metadata["task"], metadata["deq.form"], metadata["deq.steps"], metadata["deq.opset"]).Should().Be(("regression", "Unrolled", "2", "15"));
        (metadata["deq.max_error"], metadata["deq.mean_error"], metadata["deq.version"]).Should().Be(("0.25", "0.125", model.ProducerVersion));
        report.InputNames[0].Should().Be("a");
        report.OutputNames.Should().Equal("b");
    }

    [Theory]
    [InlineData("Score", "Score")]
    [InlineData("deq/W", "Score")]
    [InlineData("Features", "deq/injection")]
    [InlineData("", "Score")]
    [InlineData("Features", "")]
    public void A_name_that_is_empty_or_taken_is_refused(string input, string output)
    {
        var act = () => Export(Unmeasured, input, output, new OnnxExportOptions { Steps = 2 }, NoMetadata);
        act.Should().Throw<ArgumentException>();
    }

    [Fact]
    public void A_file_beyond_two_gigabytes_is_refused_before_it_is_built()
    {
        var act = () => OnnxExporter.CheckSize(2_400_000_000, 600_000_000);
        act.Should().Throw<OnnxExportException>().WithMessage("*2400000000 bytes*600000000 weights*Float16Weights*");
        OnnxExporter.CheckSize(2_000_000_000, 500_000_000);
    }

    [Fact]
    public void The_size_is_estimated_from_above()
    {
        var worst = new RandomNetwork(6, 3, 2, 0.5, Activation.GELU, [4], true, true, 3).Network();
        foreach (var steps in new[] { 1, 30, 1_000 })
        {
            foreach (var form in new[] { OnnxForm.Unrolled, OnnxForm.UnrolledAnderson })
            {
                Export(worst, new OnnxExportOptions { Form = form, Steps = steps }).Bytes.LongLength.Should().BeLessThan(OnnxExporter.LargestSize(new NetworkPlan(worst, form, steps)));
            }
        }
        var triangular = Triangular;
        Export(triangular).Bytes.LongLength.Should().BeLessThan(OnnxExporter.LargestSize(new NetworkPlan(triangular, OnnxForm.ForwardSubstitution, 3)));
    }

    [Fact]
    public void Options_out_of_range_name_option_value_and_range()
    {
        Refused(() => new OnnxExportOptions { Opset = 12 }, "Opset is 12; it must be at least 13 and below 22*");
        Refused(() => new OnnxExportOptions { Opset = 22 }, "Opset is 22;*");
        Refused(() => new OnnxExportOptions { MaxError = 0 }, "MaxError is 0; it must be positive*");
        Refused(() => new OnnxExportOptions { MaxError = double.NaN }, "MaxError is NaN;*");
        Refused(() => new OnnxExportOptions { Steps = 0 }, "Steps is 0; it must be at least 1*");
        Refused(() => new OnnxExportOptions { Steps = 10_001 }, "Steps is 10001;*");
        new OnnxExportOptions { Steps = null }.Should().Be(new OnnxExportOptions());

        static void Refused(Func<OnnxExportOptions> make, string message) => make.Should().Throw<ArgumentOutOfRangeException>().WithMessage(message);
    }
}
