using Deq.MLNet.Onnx;
using Deq.MLNet.Onnx.Proto;

namespace Deq.MLNet.Tests.Onnx;

/// <summary>Each operator that is written otherwise than ML.NET's hooks write it, in ONNX Runtime.</summary>
public class MLNetOperatorsTests
{
    private static readonly float[] Rows = [1, -5, 0, 0, 3, 2];

    [Theory]
    [InlineData("ReduceSum", new[] { -4f, 0, 5 }), InlineData("ReduceMax", new[] { 1f, 0, 3 }), InlineData("ReduceMin", new[] { -5f, 0, 2 }), InlineData("ReduceMean", new[] { -2f, 0, 2.5f })]
    [InlineData("ReduceL1", new[] { 6f, 0, 5 }), InlineData("ReduceL2", new[] { 5.0990195f, 0, 3.6055512f }), InlineData("ReduceSumSquare", new[] { 26f, 0, 13 }), InlineData("ReduceProd", new[] { -5f, 0, 6 })]
    public void A_reduction_takes_its_axes_as_the_opset_has_them(string op, float[] expected)
    {
        foreach (var opset in new[] { 13, 17, 18, 21 })
        {
            Run(opset, 1, (graph, x, y) => graph.AddNode(op, "reduce", [x], [y], "").Add("axes", new long[] { 1 })).Should().Equal(expected, (a, b) => Math.Abs(a - b) < 1e-5);
        }
    }

    [Theory, InlineData(13), InlineData(21)]
    public void Squeeze_and_Unsqueeze_take_their_axes_as_an_input(int opset) =>
        Run(opset, 2, (graph, x, y) =>
        {
            graph.AddNode("Unsqueeze", "unsqueeze", [x], ["higher"], "").Add("axes", new long[] { 1 });
            graph.AddNode("Squeeze", "squeeze", ["higher"], [y], "").Add("axes", new long[] { 1 });
        }).Should().Equal(Rows);

    [Fact]
    public void Dropped_slots_are_dropped_in_every_row() =>
        Run(13, 1, (graph, x, y) =>
        {
            graph.AddInitializer("slots", OnnxType.Int64, [1], 1, 1);
            graph.AddNode("GatherElements", "slots", [x, "slots"], [y], "").Add("axis", 1);
        }).Should().Equal(-5, 0, 2);

    [Theory, InlineData(13), InlineData(18)]
    public void The_norm_MAX_is_the_largest_magnitude_and_zeros_stay(int opset) =>
        Run(opset, 2, (graph, x, y) => graph.AddNode("Normalizer", "norm", [x], [y], OnnxModelBuilder.MLDomain).Add("norm", "MAX")).Should().Equal(0.2f, -1, 0, 0, 1, 2 / 3f);

    /// <summary>As of ML.NET's rows of zeros and of a NaN, the reciprocal of their norm is not one to scale by.</summary>
    [Theory, InlineData("MAX", 13), InlineData("L1", 13), InlineData("L2", 13), InlineData("L1", 18), InlineData("L2", 18)]
    public void A_row_of_a_norm_above_1e8_stays_as_it_is(string norm, int opset) =>
        Run(opset, 2, (graph, x, y) =>
        {
            var large = graph.AddNode("Mul", "large", [x, graph.AddInitializer("factor", [1e9f], 1)]);
            graph.AddNode("Normalizer", "norm", [large], [y], OnnxModelBuilder.MLDomain).Add("norm", norm);
        }).Should().Equal(1e9f, -5e9f, 0, 0, 3e9f, 2e9f);

    [Fact]
    public void Columns_are_put_side_by_side() =>
        Run(13, 4, (graph, x, y) => graph.AddNode("FeatureVectorizer", "concat", [x, x], [y], OnnxModelBuilder.MLDomain).Add("inputdimensions", [2L, 2])).Should().Equal(1, -5, 1, -5, 0, 0, 0, 0, 3, 2, 3, 2);

    [Fact]
    public void An_encoding_is_one_vector_a_row() =>
        Run(13, 6, (graph, x, y) =>
        {
            graph.AddNode("Cast", "cast", [x], "keys", ("to", (long)OnnxType.Int64));
            var node = graph.AddNode("OneHotEncoder", "encoder", ["keys"], [y], OnnxModelBuilder.MLDomain);
            node.Add("cats_int64s", [1L, 2, 3]);
            node.Add("zeros", 1);
        }).Should().Equal(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0);

    [Fact]
    public void A_key_that_is_missing_has_no_number() =>
        Run(13, 2, (graph, x, y) =>
        {
            graph.AddNode("Cast", "cast", [x], "keys", ("to", (long)OnnxType.Int64));
            var node = graph.AddNode("LabelEncoder", "labels", ["keys"], [y], OnnxModelBuilder.MLDomain);
            node.Add("keys_int64s", [1L, 2, 3]);
            node.Add("values_floats", [10f, 20, 30]);
        }).Should().Equal(10, float.NaN, float.NaN, float.NaN, 30, 20);

    [Fact]
    public void A_constant_in_place_of_a_column_is_refused()
    {
        var act = () => Run(13, 1, (graph, _, y) => graph.AddNode("Identity", "pass", [graph.AddInitializer("zero", [0f], 1, 1)], y));
        act.Should().Throw<OnnxExportException>().WithMessage("Feature selection keeps nothing*");
    }

    [Fact]
    public void What_no_output_depends_on_is_removed()
    {
        var builder = new OnnxModelBuilder("graph", 13);
        foreach (var input in new[] { "read", "not read", "read in vain" })
        {
            builder.AddInput(input, 2);
        }
        builder.AddInitializer("unused", [1f], 1);
        builder.AddNode("Add", "vain", ["read in vain", builder.AddInitializer("one", [1f], 1)]);
        builder.AddNode("Add", "sum", ["read", builder.AddInitializer("two", [2f], 1)]);
        builder.AddOutput("sum", 2);

        builder.RemoveUnused();

        var graph = ModelProto.Parser.ParseFrom(builder.Build(OnnxCases.NoMetadata)).Graph;
        builder.Inputs.Should().Equal("read");
        graph.Initializer.Select(i => i.Name).Should().Equal("two");
        graph.Node.Select(n => n.Name).Should().Equal("sum");
    }

    /// <summary>What becomes of the rows, (3, 2), by nodes as ML.NET writes them.</summary>
    private static float[] Run(int opset, int width, Action<OnnxModelBuilder, string, string> write)
    {
        var builder = new OnnxModelBuilder("graph", opset);
        builder.AddInput("Features", 2);
        write(builder, "Features", "Score");
        builder.AddOutput("Score", width);
        MLNetOperators.Rewrite(builder);
        return OnnxCases.Run(builder.Build(OnnxCases.NoMetadata), Rows, 2);
    }
}
