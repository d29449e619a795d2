using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;
using Deq.MLNet.Onnx.Proto;
using static Deq.MLNet.Tests.Onnx.OnnxCases;

namespace Deq.MLNet.Tests.Onnx;

public class OnnxExporterTests
{
    private static readonly DeqNetwork Unmeasured = new([0.5f], [1], [0], [1], [0], Activation.ReLU);

    private static DeqNetwork WithErrors(params float[] errors) => Unmeasured.WithCurves(new UnrollCurve(OnnxForm.Unrolled, 10, 2, errors, [.. errors.Select(e => e / 2)]));

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
    public void Errors_are_reported_where_they_were_measured()
    {
        var network = WithErrors(0.5f, 0.25f, 0.125f);
        Export(network, new OnnxExportOptions { Steps = 2 }).Report.Should().Match<OnnxExportReport>(r => r.MaxError == 0.25 && r.MeanError == 0.125);
        Export(network, new OnnxExportOptions { Steps = 4 }).Report.Should().Match<OnnxExportReport>(r => r.MaxError == 0.125 && r.MeanError == 0.0625, "the curve came to rest");
        var unfinished = WithErrors([.. Enumerable.Range(0, UnrollCurve.MaxSteps).Select(k => 1f / (k + 1))]);
        Export(unfinished, new OnnxExportOptions { Steps = UnrollCurve.MaxSteps + 1 }).Report.Should().Match<OnnxExportReport>(r => r.MaxError == null && r.MeanError == null);
    }

    [Fact]
    public void The_steps_are_the_least_with_a_margin_of_four()
    {
        var network = WithErrors(0.5f, 0.02f, 0.2f, 0.09f, 0.03f, 0.015625f, 0.01f);
        Export(network, new OnnxExportOptions { MaxError = 0.1 }).Report.Should().Match<OnnxExportReport>(r => r.Steps == 6 && r.MaxError == 0.015625);
    }

    [Fact]
    public void Where_rounding_eats_the_margin_the_error_itself_decides()
    {
        var network = WithErrors(0.5f, 0.04f, 0.2f, 0.09f, 0.08f, 0.08f);
        Export(network, new OnnxExportOptions { MaxError = 0.1 }).Report.Steps.Should().Be(4);
    }

    [Theory]
    [InlineData(new[] { 0.5f, 0.2f }, "0.2 of max |y| after 2 steps")]
    [InlineData(new[] { 0.5f, float.NaN }, "NaN of max |y| after 2 steps")]
    public void An_error_that_is_not_reached_is_told(float[] errors, string expected)
    {
        var act = () => Export(WithErrors(errors), new OnnxExportOptions { MaxError = 0.1 });
        act.Should().Throw<OnnxExportException>().WithMessage($"*{expected}*MaxError is 0.1*Steps*");
    }

    [Fact]
    public void Where_rounding_is_the_limit_the_message_says_so()
    {
        FluentActions.Invoking(() => Export(WithErrors(0.9f, 0.5f, 0.5f, 0.5f), new OnnxExportOptions { MaxError = 0.1 })).Should().Throw<OnnxExportException>().WithMessage("*rounding of float32*mean 0*");
    }

    /// <summary>A slow contraction and one that is none were once called rounding.</summary>
    [Theory]
    [InlineData(0.9999f, Activation.ReLU, "*contraction is too slow*lower bound on W*")]
    [InlineData(-1.5f, Activation.Tanh, "*No contraction is proved*WellPosedness.Spectral*")]
    public void What_does_not_settle_is_not_called_rounding(float w, Activation activation, string expected)
    {
        var network = new DeqNetwork([w], [1], [0], [1], [0], activation);
        var measured = network.WithCurves(Measure(network, [new float[] { 1 }, new float[] { 2 }])!);
        FluentActions.Invoking(() => Export(measured)).Should().Throw<OnnxExportException>().WithMessage(expected);
    }

    [Fact]
    public void Without_a_measured_error_the_steps_must_be_given()
    {
        var act = () => Export(Unmeasured);
        act.Should().Throw<OnnxExportException>().WithMessage("*not measured*OnnxExportOptions.Steps*");
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
        var network = new DeqNetwork([0, 0, 0, 5, 0, 0, 5, 5, 0], [1, 1, 1], [0, 0, 0], [1, 1, 1], [0], Activation.ReLU, rule: WellPosedness.StrictlyTriangular, scoring: new EquilibriumSettings());
        (Export(network, new OnnxExportOptions { Steps = 2 }).Report.Bound, Export(network, new OnnxExportOptions { Steps = 3 }).Report.Bound).Should().Be((null, 0));
        // z = x, 6 x, 36 x.
        Run(Export(network, new OnnxExportOptions { Steps = 3 }).Bytes, [2f], 1)[0].Should().Be(86);
    }

    /// <summary>Plain iteration of z = relu(-3 z + x) swings between 0 and x: an unrolled export would be a wrong model.</summary>
    [Fact]
    public void A_monotone_cell_is_exported_only_where_plain_iteration_was_seen_to_converge()
    {
        DeqNetwork Monotone(float w, UnrollCurve? curve) => new(new DeqWeights([w], [1], [0], [1], [0]), Activation.ReLU, Link.Identity, new EquilibriumSettings(), WellPosedness.Monotone(), curves: curve is null ? [] : [curve]);
        var (swings, settles) = (new UnrollCurve(OnnxForm.Unrolled, 9, 1, [1, 1], [1, 1]), new UnrollCurve(OnnxForm.Unrolled, 9, 1, [0.5f, 1e-7f], [0.5f, 1e-7f]));
        foreach (var curve in new[] { null, swings })
        {
            foreach (int? steps in new int?[] { null, 40 })
            {
                FluentActions.Invoking(() => Export(Monotone(-3, curve), new OnnxExportOptions { Steps = steps })).Should().Throw<OnnxExportException>().WithMessage("*plain iteration*Monotone(1)*Train with WellPosedness Spectral*");
            }
        }
        Export(Monotone(-3, settles)).Report.Bound.Should().BeNull();
        Export(Monotone(-0.5f, swings), new OnnxExportOptions { Steps = 20 }).Report.Bound.Should().BeApproximately(Math.Pow(0.5, 20), 1e-12, "this one contracts");
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
        var act = () => OnnxExporter.CheckSize(600_000_000, 30);
        act.Should().Throw<OnnxExportException>().WithMessage("*2401108576 bytes*600000000 weights*");
        OnnxExporter.CheckSize(500_000_000, 300);
    }

    [Fact]
    public void The_size_is_estimated_from_above()
    {
        foreach (var steps in new[] { 1, 30, 10_000 })
        {
            Export(Unmeasured, new OnnxExportOptions { Steps = steps }).Bytes.LongLength.Should().BeLessThan(4 + 300L * steps + (1 << 20));
        }
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
