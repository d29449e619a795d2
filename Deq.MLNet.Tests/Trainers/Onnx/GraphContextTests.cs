using Deq.MLNet.Onnx;
using Deq.MLNet.Onnx.Proto;
using Deq.MLNet.Tests.Onnx;
using Deq.MLNet.Trainers;
using Deq.MLNet.Trainers.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Model.OnnxConverter;
using static Deq.MLNet.Tests.Trainers.Onnx.ExportedModels;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers.Onnx;

public class GraphContextTests
{
    private static readonly DataViewType Numbers = new VectorDataViewType(NumberDataViewType.Single, FeatureCount);

    /// <summary>In ML.NET's own context a constant takes the place of a data column of its name, and what is computed from the column is then silently wrong.</summary>
    [Theory, AllTrainers]
    public void The_hook_takes_no_data_columns_place_and_writes_twice_into_one_graph(TrainerCase trainer)
    {
        var fitted = Fit(trainer);
        var model = fitted.Model;
        var graph = Context();
        graph.AddInput("Features", Numbers);
        var context = new MLNetLikeContext(graph);
        string[] columns = [.. ModelProto.Parser.ParseFrom(Written(model, trainer.OutputColumns)).Graph.Initializer.Select(i => i.Name), "deq/injection", "fnn/output/gemm", "W"];
        var features = columns.ToDictionary(c => c, c =>
        {
            var variable = context.AddIntermediateVariable(Numbers, c);
            context.CreateNode("Identity", "Features", variable, context.GetNodeName("copy"), "");
            return variable;
        });
        foreach (var suffix in new[] { "", "2" })
        {
            string[] outputs = [.. trainer.OutputColumns.Select(o => context.AddIntermediateVariable(null, o + suffix, true))];
            ((ISingleCanSaveOnnx)model).SaveAsOnnx(context, outputs, context.GetVariableName(columns[0])).Should().BeTrue();
        }
        features.Should().OnlyContain(f => context.GetVariableName(f.Key) == f.Value);
        context.ContainsColumn("deq/missing/matmul").Should().BeFalse("values of the network are no columns");

        foreach (var score in new[] { "Score", "Score2" })
        {
            graph.CreateNode("Identity", score, score + ".again", score + ".again", "");
        }
        Output(graph, "Score.again", model);
        Output(graph, "Score2.again", model);
        var unseen = Rows(50, 3);
        using var session = OnnxCases.Open(graph.Graph.Build(OnnxCases.NoMetadata));
        var results = OnnxCases.Run(session, "Features", [.. unseen.SelectMany(r => r.Features)], FeatureCount);
        var expected = Reference(fitted, unseen).Score;
        foreach (var score in new[] { "Score.again", "Score2.again" })
        {
            results[score].LargestDifference(expected).Should().BeLessThanOrEqualTo(1e-5 * expected.Max(Math.Abs), "the steps of another's context are those of the default options");
        }
    }

    [Fact]
    public void The_steps_are_those_of_the_contexts_options()
    {
        var trainer = TrainerCase.Of(NetworkKind.Deq, TrainerTask.Multiclass);
        var model = Fit(trainer).Model;
        int Steps(OnnxExportOptions options) => ModelProto.Parser.ParseFrom(Written(model, trainer.OutputColumns, options)).Graph.Node.Count(n => n.OpType == "Relu");

        Steps(new OnnxExportOptions { Steps = 5 }).Should().Be(5);
        Steps(new OnnxExportOptions { MaxError = 1e-2 }).Should().BeLessThan(Steps(new OnnxExportOptions()));
        FluentActions.Invoking(() => Written(model, trainer.OutputColumns, new OnnxExportOptions { MaxError = 1e-30 })).Should().Throw<OnnxExportException>();
    }

    [Theory, AllTrainers(TrainerTask.Binary)]
    public void Under_a_calibrator_of_ML_NET_a_binary_model_writes_its_score_alone(TrainerCase trainer)
    {
        foreach (var way in new[] { "Logistic", "Hinge, calibrated" })
        {
            var graph = ModelProto.Parser.ParseFrom(Written(Fit(trainer, way).Model, ["Raw"])).Graph;
            graph.Node[^1].Output.Should().Equal("Raw");
            graph.Node.Should().NotContain(n => n.OpType == "Sigmoid");
        }
    }

    [Fact]
    public void OneVersusAll_over_the_binary_trainer_is_written_by_ML_NETs_hooks()
    {
        var ml = new MLContext(1);
        var data = TrainerCase.Of(NetworkKind.Deq, TrainerTask.Multiclass).View(ml, Rows(300));
        var trainer = (NetworkBinaryTrainer)TrainerCase.Of(NetworkKind.Deq, TrainerTask.Binary).Trainer(ml, o => o.Epochs = 10);
        var model = ml.MulticlassClassification.Trainers.OneVersusAll(trainer).Fit(data);
        var context = Context();
        context.AddInput("Features", Numbers);
        var unseen = Rows(200, 6);

        var scored = model.Transform(ml.View(unseen));
        ((ISaveAsOnnx)scored).SaveAsOnnx(context);
        context.AddOutput("Score", scored.Schema["Score"].Type).Should().BeTrue();
        context.AddOutput("PredictedLabel", scored.Schema["PredictedLabel"].Type).Should().BeTrue();

        var actual = Run(context.Graph.Build(OnnxCases.NoMetadata), unseen);
        actual.Score.LargestDifference(Linear.ToDouble(model.Scores(unseen))).Should().BeLessThan(3e-5);
        actual.Label!.Zip(scored.GetColumn<uint>("PredictedLabel")).Count(p => p.First == p.Second).Should().BeGreaterThanOrEqualTo(199);
    }

    [Fact]
    public void A_threshold_that_was_changed_is_kept()
    {
        var ml = new MLContext(1);
        var model = ml.BinaryClassification.ChangeModelThreshold((BinaryPredictionTransformer<NetworkBinaryModelParameters>)Fit(TrainerCase.Of(NetworkKind.Fnn, TrainerTask.Binary)), 2.5f);
        var unseen = Rows(200, 6);
        using var stream = new MemoryStream();
        ml.Model.SaveOnnx(model, ml.View(unseen).Schema, stream);

        var actual = Run(stream.ToArray(), unseen);
        actual.Label.Should().Equal(actual.Score.Select(s => s > 2.5 ? 1u : 0));
        actual.Score.Should().Contain(s => s > 0 && s < 2.5);
    }

    [Fact]
    public void Constants_and_attributes_of_every_type_arrive()
    {
        var context = Context();
        context.AddInitializer(true);
        context.AddInitializer(1.5f, "scalar");
        context.AddInitializer(-2, typeof(short));
        context.AddInitializer("text");
        context.AddInitializer(-3L);
        context.AddInitializer(2.5);
        context.AddInitializer(ulong.MaxValue, true);
        context.AddInitializer(4_000_000_000, false);
        context.AddInitializer([true, false], [1, 2]);
        context.AddInitializer([1f, 2f], null, "scalar");
        context.AddInitializer([1, -1], typeof(sbyte), [2]);
        context.AddInitializer(["a", "b"], [2]);
        context.AddInitializer([5L, -6L], [1, 2], "exact", false);
        context.AddInitializer([1.5, 2.5], [2]);
        context.AddInitializer([1UL, 4_000_000_000], false, [2]);
        context.AddInput("x", NumberDataViewType.Single);
        var node = context.CreateNode("Any", "x", "y", "node");
        node.AddAttribute("double", 1.5);
        node.AddAttribute("long", 2L);
        node.AddAttribute("text", "three".AsMemory());
        node.AddAttribute("string", "four");
        node.AddAttribute("bool", true);
        node.AddAttribute("doubles", [1.5, 2.5]);
        node.AddAttribute("floats", [3.5f]);
        node.AddAttribute("longs", [4L, 5L]);
        node.AddAttribute("texts", ["six".AsMemory()]);
        node.AddAttribute("array", new[] { "seven" });
        node.AddAttribute("strings", Enumerable.Repeat("eight", 1));
        node.AddAttribute("bools", [true, false]);
        node.AddAttribute("type", typeof(uint));
        var graph = ModelProto.Parser.ParseFrom(context.Graph.Build(OnnxCases.NoMetadata)).Graph;

        graph.Initializer.Select(i => $"{i.Name}: {(OnnxType)i.DataType}[{string.Join(",", i.Dims)}] {Convert.ToHexString(i.RawData.Span)}{string.Join(",", i.StringData.Select(s => s.ToStringUtf8()))}").Should().Equal(
            "Boolean: Boolean[] 01", "scalar: Single[] 0000C03F", "Int16: Int16[] FEFF", "String: String[] text", "Int64: Int64[] FDFFFFFFFFFFFFFF", "Double: Double[] 0000000000000440",
            "UInt64: UInt64[] FFFFFFFFFFFFFFFF", "UInt32: UInt32[] 00286BEE", "Boolean0: Boolean[1,2] 0100", "scalar0: Single[2] 0000803F00000040", "SByte: SByte[2] 01FF", "String0: String[2] a,b",
            "exact: Int64[1,2] 0500000000000000FAFFFFFFFFFFFFFF", "Double0: Double[2] 000000000000F83F0000000000000440", "UInt320: UInt32[2] 0100000000286BEE");
        graph.Node.Single().Domain.Should().Be("ai.onnx.ml");
        graph.Node.Single().Attribute.Select(a => FormattableString.Invariant($"{a.Name} {a.Type}: {a.F} {a.I} {a.S.ToStringUtf8()} {string.Join(",", a.Floats.Select(f => FormattableString.Invariant($"{f}")).Concat(a.Ints.Select(i => FormattableString.Invariant($"{i}"))).Concat(a.Strings.Select(s => s.ToStringUtf8())))}").TrimEnd()).Should().Equal(
            "double 1: 1.5 0", "long 2: 0 2", "text 3: 0 0 three", "string 3: 0 0 four", "bool 2: 0 1", "doubles 6: 0 0  1.5,2.5", "floats 6: 0 0  3.5", "longs 7: 0 0  4,5",
            "texts 8: 0 0  six", "array 8: 0 0  seven", "strings 8: 0 0  eight", "bools 7: 0 0  1,0", "type 2: 0 12");
    }

    [Fact]
    public void Columns_and_variables_come_and_go()
    {
        var context = Context();
        context.AddInput("Features", Numbers);
        context.AddInput("Other", TextDataViewType.Instance);
        context.AddIntermediateVariable(Numbers, "Features").Should().Be("Features0", "a later column of the same name is another value");
        context.GetVariableName("Features").Should().Be("Features0");
        context.RetrieveShapeOrNull("Features").Should().Equal(-1, FeatureCount);
        context.RetrieveShapeOrNull("Other").Should().Equal(-1, 1);
        context.RetrieveShapeOrNull("nothing").Should().BeNull();
        context.AddOutput("Features", Numbers).Should().BeFalse("no node wrote it");

        context.RemoveVariable("Features0", true);
        (context.ContainsColumn("Features"), context.IsVariableDefined("Features0"), context.IsVariableDefined("Features")).Should().Be((false, false, true));
        context.RemoveInputVariable("Other");
        context.RemoveColumn("absent");
        ModelProto.Parser.ParseFrom(context.Graph.Build(OnnxCases.NoMetadata)).Graph.Input.Select(i => (i.Name, (OnnxType)i.Type.TensorType.ElemType)).Should().Equal(("Features", OnnxType.Single));

        context.GetOnnxVersion().Should().Be(OnnxVersion.Stable);
        context.CheckOpSetVersion(13, "it");
        FluentActions.Invoking(() => context.CheckOpSetVersion(14, "It")).Should().Throw<OnnxExportException>().WithMessage("It needs opset 14; OnnxExportOptions.Opset is 13.");
        FluentActions.Invoking(() => context.AddInput("When", DateTimeDataViewType.Instance)).Should().Throw<NotSupportedException>().WithMessage("*DateTime*");
    }

    private static GraphContext Context(OnnxExportOptions? options = null) => new("graph", (options ?? new OnnxExportOptions()).Settings);

    /// <summary>What the hook writes, without outputs.</summary>
    private static byte[] Written(INetworkModel model, string[] outputs, OnnxExportOptions? options = null)
    {
        var context = Context(options);
        context.AddInput("Features", Numbers);
        ((ISingleCanSaveOnnx)model).CanSaveOnnx(context).Should().BeTrue();
        ((ISingleCanSaveOnnx)model).SaveAsOnnx(context, outputs, "Features");
        return context.Graph.Build(OnnxCases.NoMetadata);
    }

    private static void Output(GraphContext context, string name, INetworkModel model) => context.Graph.AddOutput(name, model.Network.OutputSize);
}
