using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;
using Deq.MLNet.Onnx.Proto;
using static Deq.MLNet.Tests.Onnx.OnnxCases;

namespace Deq.MLNet.Tests.Onnx;

/// <summary>Every form in ONNX Runtime against float64.</summary>
public class FormProofTests
{
    public static TheoryData<OnnxForm, Activation> FormsAndActivations
    {
        get
        {
            var data = new TheoryData<OnnxForm, Activation>();
            foreach (var drawn in FormCase.All)
            {
                data.Add(drawn.Form, drawn.Activation);
            }
            return data;
        }
    }

    public static TheoryData<OnnxForm> Forms => [.. FormCase.Forms];

    private static readonly IReadOnlyList<(Readout Readout, string Name)> Outputs =
        [(new Readout(Link.Identity), "Score"), (new Readout(Link.Logistic, 1.5, -0.25), "Probability"), (new Readout(Link.Exp), "Mean"), (new Readout(Link.Softmax), "Classes")];

    [Theory]
    [MemberData(nameof(FormsAndActivations))]
    public void Every_opset_task_and_cell_gives_the_outputs_and_labels_of_float64(OnnxForm form, Activation activation)
    {
        foreach (var drawn in new FormCase(form, activation).Variants)
        {
            var network = drawn.Network;
            var x = drawn.Rows(20);
            var affine = x.Chunk(FormCase.Inputs).Select(row => Float64.EvaluateAffine(network, row)).ToList();
            for (var opset = 13; opset <= 21; opset++)
            {
                using var session = Open(FormCase.Export(network, form, drawn.Steps, opset, half: false, Outputs));
                var actual = Run(session, "Features", x, FormCase.Inputs);
                foreach (var (readout, name) in Outputs)
                {
                    var expected = affine.SelectMany(row => Float64.Apply(readout.Link, [.. row.Select(v => readout.Slope * v + readout.Offset)])).ToArray();
                    actual[name].LargestDifference(expected).Should().BeLessThan(1e-5 * expected.Max(Math.Abs), "{0} of {1} in opset {2}", name, drawn, opset);
                }
                var error = actual["Score"].LargestDifference(affine.SelectMany(row => row));
                for (var row = 0; row < affine.Count; row++)
                {
                    var (best, second) = (affine[row].Order().Last(), affine[row].Order().SkipLast(1).Last());
                    if (best - second > 2 * error)
                    {
                        actual["Label"][row].Should().Be(1 + Array.IndexOf(affine[row], best));
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Ten_thousand_rows_drawn_as_those_measured_are_within_the_error_asked_for(OnnxForm form)
    {
        var drawn = new FormCase(form, Activation.ReLU, Parts: true, Size: 12);
        var network = drawn.Network;
        IReadOnlyList<ReadOnlyMemory<float>> measured = [.. drawn.Rows(500).Chunk(FormCase.Inputs).Select(row => (ReadOnlyMemory<float>)row)];
        network = network.WithCurves(new CurveMeasurement(network, measured, []).Of(form)!);
        var x = Gaussian(new Random(99), LongForm.Times(10_000) * FormCase.Inputs);

        var (bytes, report) = OnnxCases.Export(network, new OnnxExportOptions { Form = form });
        var expected = Reference(network, x);

        report.MaxError.Should().BeLessThanOrEqualTo(1e-5);
        Run(bytes, x, FormCase.Inputs).LargestDifference(expected).Should().BeLessThan(1e-5 * expected.Max(Math.Abs));
    }

    [Theory]
    [MemberData(nameof(FormsAndActivations))]
    public void Rows_that_are_not_finite_are_NaN_and_change_no_other_row(OnnxForm form, Activation activation)
    {
        foreach (var drawn in new FormCase(form, activation).Variants)
        {
            using var session = drawn.Open();
            var x = drawn.Rows(9);
            var clean = Run(session, x, FormCase.Inputs);
            (x[4], x[12], x[21]) = (float.NaN, float.PositiveInfinity, float.NegativeInfinity);
            var actual = Run(session, x, FormCase.Inputs);
            for (var row = 0; row < 9; row++)
            {
                var outputs = actual.AsSpan(row * FormCase.Outputs, FormCase.Outputs).ToArray();
                if (row is 1 or 4 or 7)
                {
                    outputs.Should().OnlyContain(v => float.IsNaN(v), "{0}", drawn);
                }
                else
                {
                    outputs.Should().Equal(clean[(row * FormCase.Outputs)..((row + 1) * FormCase.Outputs)], "{0}", drawn);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_row_is_the_same_in_a_batch_of_1_7_and_4096_and_in_any_order(OnnxForm form)
    {
        var drawn = new FormCase(form, Activation.Identity, Size: 24);
        using var session = drawn.Open();
        var x = drawn.Rows(4096);
        var together = Run(session, x, FormCase.Inputs);
        var order = Enumerable.Range(0, 4096).OrderBy(i => i * 2654435761 % 4096).ToArray();
        var permuted = Run(session, [.. order.SelectMany(row => x[(row * 3)..(row * 3 + 3)])], FormCase.Inputs);
        var unit = UnitsInTheLastPlace * together.Max(Math.Abs);

        permuted.LargestDifference(order.SelectMany(row => together[(row * 3)..(row * 3 + 3)])).Should().BeLessThan(unit);
        foreach (var rows in new[] { 1, 7 })
        {
            for (var row = 0; row < 210; row += rows)
            {
                var range = (row * 3)..((row + rows) * 3);
                Run(session, x[range], FormCase.Inputs).LargestDifference(together[range]).Should().BeLessThan(unit);
            }
        }
    }

    /// <summary>Kernels for few rows and for many add up in different orders.</summary>
    private const double UnitsInTheLastPlace = 2e-6;

    [Theory]
    [MemberData(nameof(Forms))]
    public void Weights_are_stored_once_and_in_half_the_bytes_as_float16(OnnxForm form)
    {
        var drawn = new FormCase(form, Activation.ReLU, Parts: true, Size: 32);
        var network = drawn.Network;
        var d = network.StateSize;
        var expected = network.ParameterCount + form switch
        {
            OnnxForm.PeacemanRachford => d * d,
            OnnxForm.ForwardSubstitution => -d * (d - 1) / 2,
            _ => 0,
        };
        foreach (var (half, bytes) in new[] { (false, sizeof(float)), (true, 2) })
        {
            var model = ModelProto.Parser.ParseFrom(FormCase.Export(network, form, drawn.Steps, half: half));
            var constants = model.Graph.Initializer;
            constants.Select(c => c.Name).Should().OnlyHaveUniqueItems();
            constants.Where(c => c.DataType == (int)(half ? OnnxType.Half : OnnxType.Single) && c.RawData.Length > 4 * d || c.RawData.Length == bytes * expected).Sum(c => c.RawData.Length).Should().BeLessThanOrEqualTo(bytes * expected);
            constants.Where(c => c.DataType != (int)OnnxType.Int64).Sum(c => c.RawData.Length).Should().BeInRange(bytes * expected, bytes * expected + 4 * 5 * d);
            model.OpsetImport.Should().ContainSingle().Which.Domain.Should().BeEmpty();
            model.Graph.Node.Should().OnlyContain(node => node.Domain == "");
            model.Graph.Node.Select(node => node.Name).Should().OnlyHaveUniqueItems().And.OnlyContain(name => name.StartsWith("deq/"));
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Float16_weights_score_as_the_network_of_the_rounded_weights(OnnxForm form)
    {
        var drawn = new FormCase(form, Activation.LeakyReLU, Parts: true);
        var network = drawn.Network;
        var rounded = new DeqNetwork(Round(network.W), Round(network.U), Round(network.B), Round(network.V), Round(network.C), network.Activation, network.Link, null, null, Round(network.S),
            [.. network.Encoder.Select(layer => new DenseLayer(Round(layer.Weights), Round(layer.Bias)))]);
        var x = drawn.Rows(20);
        var (exact, expected) = (Reference(network, x), Reference(rounded, x));

        var actual = Run(FormCase.Export(network, form, drawn.Steps, half: true), x, FormCase.Inputs);

        actual.LargestDifference(expected).Should().BeLessThan(1e-5 * expected.Max(Math.Abs));
        actual.LargestDifference(exact).Should().BeInRange(2e-5 * expected.Max(Math.Abs), 3e-3 * expected.Max(Math.Abs), "rounding is a change, and a small one");

        static float[] Round(ReadOnlyMemory<float> values) => [.. values.ToArray().Select(v => (float)(Half)v)];
    }

    [Fact]
    public void A_weight_beyond_float16_is_named()
    {
        var network = new DeqNetwork([0.5f], [70_000], [0], [1], [0], Activation.ReLU);
        FluentActions.Invoking(() => FormCase.Export(network, OnnxForm.Unrolled, 2, half: true)).Should().Throw<OnnxExportException>().WithMessage("deq/U holds 70000*Float16Weights*");
    }

    [Fact]
    public void Feed_forward_networks_of_every_activation_link_and_opset_score_as_float64()
    {
        foreach (var activation in Enum.GetValues<Activation>())
        {
            var network = RandomFnn(3, activation, Link.Identity, 3, 8, 5, 2);
            var x = Gaussian(new Random(3), 20 * 3);
            var affine = x.Chunk(3).Select(row => Float64.EvaluateAffine(network, row)).ToList();
            for (var opset = 13; opset <= 21; opset++)
            {
                var builder = new OnnxModelBuilder("graph", opset);
                builder.AddInput("Features", 3);
                NetworkGraph.Add(builder, "Features", new NetworkPlan(network, null, 0), Outputs);
                foreach (var (_, name) in Outputs)
                {
                    builder.AddOutput(name, 2);
                }
                using var session = Open(builder.Build(NoMetadata));
                var actual = Run(session, "Features", x, 3);
                foreach (var (readout, name) in Outputs)
                {
                    var expected = affine.SelectMany(row => Float64.Apply(readout.Link, [.. row.Select(v => readout.Slope * v + readout.Offset)])).ToArray();
                    actual[name].LargestDifference(expected).Should().BeLessThan(2e-6 * expected.Max(Math.Abs), "{0} after {1} in opset {2}", name, activation, opset);
                }
            }
        }
    }
}
