using Deq.MLNet.Onnx;
using Deq.MLNet.Onnx.Proto;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Deq.MLNet.Tests.Onnx;

public class OnnxOperatorTests
{
    [Theory]
    [InlineData(13)]
    [InlineData(21)]
    public void The_key_is_that_of_the_most_probable_class_the_first_of_equals_and_none_for_NaN(int opset)
    {
        const float no = float.NaN;
        Keys(opset, 3, [0.2f, 0.5f, 0.3f, 1, 0, 0, 0.1f, 0.2f, 0.7f, no, no, no, 0.4f, 0.2f, 0.4f, 0, 0, 1]).Should().Equal(2, 1, 3, 0, 1, 3);
    }

    [Fact]
    public void One_class_and_many_classes_have_keys()
    {
        Keys(13, 1, [1, float.NaN, 1]).Should().Equal(1, 0, 1);
        var many = new float[2 * 1_000];
        (many[999], many[1_000 + 17]) = (1, 1);
        Keys(13, 1_000, many).Should().Equal(1_000, 18);
        many[1_000 + 500] = float.NaN;
        Keys(13, 1_000, many).Should().Equal(1_000, 0);
    }

    [Fact]
    public void Operators_of_machine_learning_are_declared_where_they_are_used()
    {
        Declared(builder => NetworkGraph.AddKey(builder, "Score", 3, "Key")).Should().Equal(("", 17));
        Declared(builder => builder.AddNode("Binarizer", "b", ["Score"], ["Key"], OnnxModelBuilder.MLDomain).Add("threshold", 0.5f)).Should().Equal(("", 17), ("ai.onnx.ml", 2));

        static IEnumerable<(string, long)> Declared(Action<OnnxModelBuilder> add)
        {
            var builder = new OnnxModelBuilder("graph", 17);
            builder.AddInput("Score", 3);
            add(builder);
            return ModelProto.Parser.ParseFrom(builder.Build(OnnxCases.NoMetadata)).OpsetImport.Select(o => (o.Domain, o.Version));
        }
    }

    [Fact]
    public void A_binarizer_becomes_what_takes_NaN()
    {
        var builder = new OnnxModelBuilder("graph", 13);
        builder.AddInput("Features", 1);
        builder.AddNode("Binarizer", "Binarizer", ["Features"], ["Score"], OnnxModelBuilder.MLDomain).Add("threshold", 0.5f);
        builder.AddOutput("Score", 1);
        MLNetOperators.Rewrite(builder);

        builder.NodeCount.Should().Be(2);
        OnnxCases.Run(builder.Build(OnnxCases.NoMetadata), [0.4f, float.NaN, 0.5f, 0.6f, float.PositiveInfinity], 1).Should().Equal(0, 0, 0, 1, 1);
    }

    private static float[] Keys(int opset, int classes, float[] probabilities)
    {
        var builder = new OnnxModelBuilder("keys", opset);
        builder.AddInput("Score", classes);
        NetworkGraph.AddKey(builder, "Score", classes, "Key");
        builder.AddOutput("Key", 1, OnnxType.UInt32);
        using var session = OnnxCases.Open(builder.Build(OnnxCases.NoMetadata));
        session.OutputMetadata["Key"].Should().Match<NodeMetadata>(o => o.ElementDataType == TensorElementType.UInt32 && o.Dimensions.SequenceEqual(new[] { -1, 1 }));
        return OnnxCases.Run(session, "Score", probabilities, classes)["Key"];
    }
}
