using CsCheck;
using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;
using static Deq.MLNet.Tests.Onnx.OnnxCases;

namespace Deq.MLNet.Tests.Onnx;

/// <summary>A graph that is computed as it is added, against the same graph in ONNX Runtime.</summary>
public class GraphEvaluatorTests
{
    private static float[] Evaluate(NetworkPlan plan, float[] x, Readout readout)
    {
        var graph = new GraphEvaluator();
        graph.AddInput("Features", x, plan.Network.InputSize);
        NetworkGraph.Add(graph, "Features", plan, [(readout, "Score")]);
        return graph["Score"].ToArray();
    }

    private static float[] RunInRuntime(NetworkPlan plan, float[] x, Readout readout)
    {
        var builder = new OnnxModelBuilder("graph", 13);
        builder.AddInput("Features", plan.Network.InputSize);
        NetworkGraph.Add(builder, "Features", plan, [(readout, "Score")]);
        builder.AddOutput("Score", plan.Network.OutputSize);
        return Run(builder.Build(NoMetadata), x, plan.Network.InputSize);
    }

    private static IEnumerable<NetworkPlan> Plans(DeqNetwork network) =>
        Enum.GetValues<OnnxForm>().Where(form => form != OnnxForm.Auto && Fits(form, network)).SelectMany(form => new[] { false, true }.Select(half =>
            new NetworkPlan(half ? HalfWeights.Of(network) : network, form, form == OnnxForm.ForwardSubstitution ? network.StateSize : 25) { Float16Weights = half }));

    private static bool Fits(OnnxForm form, DeqNetwork network)
    {
        try
        {
            FormRules.Check(form, network);
            return true;
        }
        catch (OnnxExportException)
        {
            return false;
        }
    }

    [Fact]
    public void Networks_of_any_part_in_any_form_give_what_a_runtime_gives() => Gen.Select(RandomNetwork.Of(12), Gen.Enum<Link>(), Gen.Double[-2, 2]).Sample((drawn, link, slope) =>
    {
        var network = drawn.Network();
        float[] x = [.. Enumerable.Range(0, 5).SelectMany(drawn.Row)];
        var readout = new Readout(link, slope, 0.25);
        foreach (var plan in Plans(network))
        {
            var (ours, theirs) = (Evaluate(plan, x, readout), RunInRuntime(plan, x, readout));
            var scale = theirs.Max(Math.Abs);
            if (float.IsFinite(scale))
            {
                ours.LargestDifference([.. theirs.Select(v => (double)v)]).Should().BeLessThan(2e-4 * (1 + scale), "{0}", plan.Form);
            }
        }
    }, iter: LongForm.Times(25), threads: 1);

    [Theory]
    [InlineData(OnnxForm.ForwardSubstitution)]
    [InlineData(OnnxForm.PeacemanRachford)]
    [InlineData(OnnxForm.Loop)]
    [InlineData(OnnxForm.UnrolledAnderson)]
    public void A_row_with_a_missing_feature_is_NaN_and_no_other_changes(OnnxForm form)
    {
        var network = new DeqNetwork([0.5f, 0, 0, 0.25f, 0, 0, -0.5f, 1, 0.5f], [1, 2, 3, 4, 5, 6], [0, 1, -1], [1, 1, 2, -1, 0, 1], [0, 0], Activation.LeakyReLU);
        var plan = new NetworkPlan(network, form, form == OnnxForm.ForwardSubstitution ? 3 : 20);
        float[] x = [1, 2, -1, 0.5f, 3, -2];
        var clean = Evaluate(plan, x, new Readout(Link.Softmax));
        x[2] = float.NaN;
        var scores = Evaluate(plan, x, new Readout(Link.Softmax));

        scores[2..4].Should().OnlyContain(v => float.IsNaN(v));
        scores[..2].Concat(scores[4..]).Should().Equal(clean[..2].Concat(clean[4..]));
    }

    [Fact]
    public void A_feed_forward_network_gives_what_a_runtime_gives()
    {
        foreach (var activation in Enum.GetValues<Activation>())
        {
            var plan = new NetworkPlan(RandomFnn(2, activation, Link.Exp, 3, 9, 4, 2), null, 0);
            var x = Gaussian(new Random(4), 30);
            Evaluate(plan, x, new Readout(Link.Exp)).Zip(RunInRuntime(plan, x, new Readout(Link.Exp))).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) <= 1e-5 * Math.Abs(pair.Second));
        }
    }

    [Fact]
    public void Shapes_are_stretched_as_ONNX_has_it()
    {
        var graph = new GraphEvaluator();
        graph.AddInput("x", [1, 2, 3, 4, 5, 6], 3);
        graph.AddInitializer("row", [10f, 20, 30], 3);
        graph.AddInitializer("column", [100f, 200], 2, 1);
        graph.AddInitializer("one", [0.5f], 1);
        graph.AddNode("Add", "sum", ["row", "x"]);
        graph.AddNode("Mul", "scaled", ["sum", "column"]);
        graph.AddNode("Greater", "large", ["x", graph.AddInitializer("three", [3f], 1)]);
        graph.AddNode("Where", "chosen", ["large", "scaled", "one"]);
        graph.AddNode("Sub", "outer", ["row", "column"]);

        graph["scaled"].ToArray().Should().Equal(1100, 2200, 3300, 2800, 5000, 7200);
        graph["chosen"].ToArray().Should().Equal(0.5f, 0.5f, 0.5f, 2800, 5000, 7200);
        graph["outer"].ToArray().Should().Equal(-90, -80, -70, -190, -180, -170);
    }

    [Fact]
    public void Columns_and_rows_are_gathered_and_joined()
    {
        var graph = new GraphEvaluator();
        graph.AddInput("x", [1, 2, 3, 4, 5, 6], 3);
        graph.AddNode("Gather", "columns", ["x", graph.AddInitializer("which", new long[] { 2, 0 }, 2)], null, ("axis", 1));
        graph.AddNode("Gather", "rows", ["x", graph.AddInitializer("last", new long[] { 1 }, 1)], null, ("axis", 0));
        graph["columns"].ToArray().Should().Equal(3, 1, 6, 4);
        graph["rows"].ToArray().Should().Equal(4, 5, 6);
        graph.AddNode("Concat", "beside", ["x", "columns"], null, ("axis", 1));
        graph.AddNode("Concat", "below", ["x", "rows"], null, ("axis", 0));
        graph["beside"].ToArray().Should().Equal(1, 2, 3, 3, 1, 4, 5, 6, 6, 4);
        graph["below"].ToArray().Should().Equal(1, 2, 3, 4, 5, 6, 4, 5, 6);
        graph["x"].ToArray().Should().Equal(1, 2, 3, 4, 5, 6);
    }

    [Fact]
    public void Values_of_a_step_are_kept_for_two_more()
    {
        var graph = new GraphEvaluator();
        graph.AddInput("x", [1], 1);
        var one = graph.AddInitializer("one", [1f], 1);
        for (var step = 0; step < 5; step++)
        {
            graph.BeginStep();
            graph.AddNode("Add", $"z{step}", [step == 0 ? "x" : $"z{step - 1}", one]);
            graph.AddNode("Mul", $"constant{step}", [one, one]);
        }
        (graph["z2"][0], graph["z3"][0], graph["z4"][0], graph["x"][0], graph["constant0"][0]).Should().Be((4, 5, 6, 1, 1));
        FluentActions.Invoking(() => graph["z1"].Length).Should().Throw<KeyNotFoundException>();
    }

    [Fact]
    public void An_operator_that_is_not_known_is_named() =>
        FluentActions.Invoking(() => new GraphEvaluator().AddNode("Conv", "conv", [])).Should().Throw<NotSupportedException>().WithMessage("*Conv*");
}
