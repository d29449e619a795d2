using System.Globalization;
using System.Text.Json;
using Deq.MLNet.Onnx.Proto;
using Deq.MLNet.Tests.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Deq.MLNet.Tests.Trainers.Onnx;

/// <summary>A whole fitted pipeline as one file: what goes in, what comes out, what is left out.</summary>
public sealed class PipelineExportTests : IDisposable
{
    private readonly MLContext _context = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("deq-onnx-").FullName;

    private IDataView Known => _context.Data.LoadFromEnumerable(PipelineRows.Known());

    private IDataView Later => _context.Data.LoadFromEnumerable(PipelineRows.Later());

    private TransformsCatalog Transforms => _context.Transforms;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Inputs_are_the_columns_that_the_outputs_depend_on_under_their_names_and_types()
    {
        var pipeline = Transforms.Categorical.OneHotEncoding("C", "Colour").Append(Transforms.Categorical.OneHotEncoding("N", "Natural"))
            .Append(Transforms.Conversion.ConvertType("F", "Flag", DataKind.Single)).Append(Transforms.Conversion.ConvertType("P", "Prices", DataKind.Single))
            // Made of the label, or of nothing that is needed: one cannot be exported, the other would be an input.
            .Append(Transforms.CustomMapping<PipelineRow, OtherLabel>((from, to) => to.Target = from.Label + 1, null)).Append(Transforms.NormalizeMinMax("Unused", "Weight"))
            .Append(Transforms.Concatenate("Features", "C", "N", "F", "P", "Sizes")).Append(Regression("Target"));
        var model = pipeline.Fit(Known);

        var (file, report) = Export(model);

        report.InputNames.Should().BeEquivalentTo("Colour", "Sizes", "Prices", "Natural", "Flag");
        report.OutputNames.Should().Equal("Score.output");
        ModelProto.Parser.ParseFrom(file).Graph.Input.Should().OnlyContain(i => i.Type.TensorType.Shape.Dim[0].DimParam == "B");
        ModelProto.Parser.ParseFrom(file).Graph.Input.Select(i => (i.Name, i.Type.TensorType.ElemType, i.Type.TensorType.Shape.Dim[1].DimValue))
            .Should().BeEquivalentTo([("Colour", 8, 1L), ("Sizes", 1, 4), ("Prices", 11, 2), ("Natural", 12, 1), ("Flag", 9, 1)]);
        ShouldAgree(model, file, "Score");
    }

    [Theory]
    [InlineData("Class"), InlineData("Count"), InlineData("Flag"), InlineData("Natural")]
    public void Classes_come_back_as_the_values_of_the_data(string label)
    {
        var model = Transforms.Conversion.MapValueToKey("Key", label).Append(Transforms.ReplaceMissingValues("Sizes")).Append(Multiclass())
            .Append(Transforms.Conversion.MapKeyToValue("PredictedLabel")).Append(Transforms.CopyColumns("Answer", "PredictedLabel")).Fit(Known);

        var (file, report) = Export(model);

        report.InputNames.Should().Equal("Sizes");
        report.OutputNames.Should().BeEquivalentTo("Score.output", "PredictedLabel.output", "Answer.output");
        ShouldAgree(model, file, "Score", "PredictedLabel", "Answer");
        var classes = JsonSerializer.Deserialize<string[]>(Metadata(file)["deq.classes"])!;
        classes.Should().BeEquivalentTo(PipelineRows.Values(Known, label).Select(v => Convert.ToString(v, CultureInfo.InvariantCulture)).Distinct());
    }

    [Fact]
    public void A_row_with_a_missing_feature_has_the_label_that_ML_NET_gives()
    {
        var model = Transforms.Conversion.MapValueToKey("Key", "Class").Append(Multiclass()).Append(Transforms.Conversion.MapKeyToValue("Name", "PredictedLabel")).Fit(Known);

        ShouldAgree(model, Export(model).File, "Score", "PredictedLabel", "Name");
        PipelineRows.Values(model.Transform(Later), "Name")[0].Should().Be("", "the row has a missing number");
    }

    [Fact]
    public void The_metadata_tells_how_to_feed_the_file_and_to_read_it()
    {
        var model = Transforms.Conversion.MapValueToKey("Key", "Class").Append(Multiclass()).Fit(Known);

        var (file, report) = Export(model);

        var metadata = Metadata(file);
        metadata["deq.task"].Should().Be("multiclass classification");
        JsonSerializer.Deserialize<string[]>(metadata["deq.inputs"]).Should().Equal(report.InputNames);
        JsonSerializer.Deserialize<string[]>(metadata["deq.outputs"]).Should().Equal(report.OutputNames);
        var classes = JsonSerializer.Deserialize<string[]>(metadata["deq.classes"])!;
        using var session = OnnxCases.Open(file);
        var keys = PipelineRows.Run(session, Known)["PredictedLabel.output"].Cast<uint>();
        var scored = model.Transform(Known);
        var names = PipelineRows.Values(Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(scored).Transform(scored), "PredictedLabel");
        keys.Select(key => classes[key - 1]).Should().Equal(names.Cast<string>());
        Export(model).File.Should().Equal(file, "nothing in it changes from one export to the next");
    }

    [Fact]
    public void Columns_that_follow_from_the_outputs_leave_the_graph_too_and_dropped_ones_do_not()
    {
        var model = Transforms.ReplaceMissingValues("Sizes").Append(_context.BinaryClassification.Trainers.Fnn(new FnnBinaryTrainer.Options { LabelColumnName = "Flag", FeatureColumnName = "Sizes", Epochs = 3, HiddenSizes = [6] }))
            .Append(Transforms.Concatenate("Both", "Score", "Probability")).Append(Transforms.DropColumns("Score")).Fit(Known);

        var (file, report) = Export(model);

        report.OutputNames.Should().BeEquivalentTo("Probability.output", "PredictedLabel.output", "Both.output");
        Metadata(file)["deq.task"].Should().Be("binary classification");
        ShouldAgree(model, file, "Probability", "PredictedLabel", "Both");
    }

    [Fact]
    public void Columns_of_the_solve_stay_out_and_what_needs_one_is_refused_by_name()
    {
        var deq = _context.Regression.Trainers.Deq(new DeqRegressionTrainer.Options { FeatureColumnName = "Sizes", Epochs = 3, HiddenSize = 5, StateColumn = "State", SolveColumns = true });
        var alone = deq.Append(Transforms.CopyColumns("Copy", "State")).Fit(Known);
        var fed = deq.Append(Transforms.CopyColumns("First", "Score")).Append(Transforms.SelectColumns("State", "Label", "First")).Append(Regression(features: "State")).Fit(Known);

        Export(alone).Report.OutputNames.Should().Equal("Score.output");
        FluentActions.Invoking(() => Export(fed)).Should().Throw<OnnxExportException>().WithMessage("RegressionPredictionTransformer*State tells of the solve of a row*");
    }

    [Fact]
    public void Where_no_output_is_left_the_message_says_so()
    {
        var model = Transforms.ReplaceMissingValues("Sizes").Append(Regression(features: "Sizes")).Append(Transforms.DropColumns("Score")).Fit(Known);

        FluentActions.Invoking(() => Export(model)).Should().Throw<OnnxExportException>().WithMessage("No column that is left at the end*");
    }

    /// <summary>The hooks take one pair after the other: a later one read what an earlier one had made.</summary>
    [Theory, InlineData("copy"), InlineData("scale"), InlineData("replace")]
    public void Columns_that_one_transform_swaps_are_read_as_they_were(string way)
    {
        InputOutputColumnPair[] swapped = [new("Height", "Weight"), new("Weight", "Height")];
        IEstimator<ITransformer> swap = way switch
        {
            "copy" => Transforms.CopyColumns(swapped),
            "scale" => Transforms.NormalizeMinMax(swapped),
            _ => Transforms.ReplaceMissingValues(swapped),
        };
        var model = swap.Append(Transforms.ReplaceMissingValues("Sizes")).Append(Transforms.Concatenate("Features", "Height", "Sizes", "Weight")).Append(Regression("Label")).Fit(Known);

        ShouldAgree(model, Export(model).File, "Score");
    }

    [Fact]
    public void A_linear_model_in_front_is_exported_and_one_of_clusters_is_refused()
    {
        var linear = Transforms.ReplaceMissingValues("Sizes").Append(_context.Regression.Trainers.Sdca(featureColumnName: "Sizes")).Append(Transforms.CopyColumns("First", "Score"))
            .Append(Transforms.Concatenate("Stack", "First", "Sizes")).Append(Regression(features: "Stack")).Fit(Known);
        ShouldAgree(linear, Export(linear).File, "Score");

        // Its hook gives keys from 0.
        var clusters = Transforms.ReplaceMissingValues("Sizes").Append(_context.Clustering.Trainers.KMeans("Sizes", numberOfClusters: 3)).Append(Transforms.CopyColumns("Distances", "Score"))
            .Append(Transforms.Conversion.MapKeyToVector("Cluster", "PredictedLabel")).Append(Transforms.Concatenate("Stack", "Cluster", "Sizes")).Append(Transforms.DropColumns("Score")).Append(Regression(features: "Stack")).Fit(Known);
        FluentActions.Invoking(() => Export(clusters)).Should().Throw<OnnxExportException>().WithMessage("ClusteringPredictionTransformer*only linear ones*");
    }

    [Fact]
    public void A_feed_forward_network_behind_takes_no_figure_from_the_equilibrium_before_it()
    {
        var first = _context.Regression.Trainers.Deq(new DeqRegressionTrainer.Options { FeatureColumnName = "Sizes", Epochs = 3, HiddenSize = 5 });
        var model = Transforms.ReplaceMissingValues("Sizes").Append(first).Append(Transforms.CopyColumns("First", "Score")).Append(Transforms.Concatenate("Stack", "First", "Sizes"))
            .Append(_context.Regression.Trainers.Fnn(new FnnRegressionTrainer.Options { FeatureColumnName = "Stack", Epochs = 3, HiddenSizes = [4] })).Fit(Known);

        Export(model).Report.Should().Match<OnnxExportReport>(r => r.Form == OnnxForm.Unrolled && r.MaxError > 0 && r.Bound > 0 && r.IsProved);
    }

    [Fact]
    public void Two_models_of_a_chain_are_one_file()
    {
        var first = _context.Regression.Trainers.Deq(new DeqRegressionTrainer.Options { FeatureColumnName = "Sizes", Epochs = 3, HiddenSize = 5 });
        var model = Transforms.ReplaceMissingValues("Sizes").Append(first).Append(Transforms.CopyColumns("First", "Score")).Append(Transforms.Concatenate("Stack", "First", "Sizes")).Append(Regression(features: "Stack")).Fit(Known);

        var (file, report) = Export(model);

        report.InputNames.Should().Equal("Sizes");
        report.OutputNames.Should().BeEquivalentTo("Score.output", "First.output", "Stack.output");
        ShouldAgree(model, file, "Score", "First", "Stack");
    }

    [Theory, InlineData(true), InlineData(false)]
    public void One_versus_all_over_a_binary_trainer_is_exported(bool probabilities)
    {
        var binary = _context.BinaryClassification.Trainers.Deq(new DeqBinaryTrainer.Options { LabelColumnName = "Key", FeatureColumnName = "Sizes", Epochs = 3, HiddenSize = 5 });
        var model = Transforms.Conversion.MapValueToKey("Key", "Class").Append(Transforms.ReplaceMissingValues("Sizes"))
            .Append(_context.MulticlassClassification.Trainers.OneVersusAll(binary, labelColumnName: "Key", useProbabilities: probabilities)).Append(Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(Known);

        var (file, report) = Export(model);

        report.InputNames.Should().Equal("Sizes");
        report.Steps.Should().BeGreaterThan(0);
        ShouldAgree(model, file, "Score", "PredictedLabel");
        ShouldAgree(model, Export(model, new OnnxExportOptions { Opset = 21 }).File, "Score", "PredictedLabel");
    }

    [Theory, InlineData(true), InlineData(false)]
    public void One_versus_all_gives_a_row_with_a_missing_feature_what_ML_NET_gives(bool probabilities)
    {
        var binary = _context.BinaryClassification.Trainers.Fnn(new FnnBinaryTrainer.Options { LabelColumnName = "Key", FeatureColumnName = "Sizes", Epochs = 3, HiddenSizes = [6] });
        var model = Transforms.Conversion.MapValueToKey("Key", "Class").Append(_context.MulticlassClassification.Trainers.OneVersusAll(binary, labelColumnName: "Key", useProbabilities: probabilities)).Fit(Known);

        ShouldAgree(model, Export(model).File, "Score", "PredictedLabel");
    }

    [Fact]
    public void A_calibrator_behind_a_model_is_exported()
    {
        var margin = _context.BinaryClassification.Trainers.Fnn(new FnnBinaryTrainer.Options { LabelColumnName = "Flag", FeatureColumnName = "Sizes", Epochs = 3, HiddenSizes = [6], Loss = BinaryLoss.Hinge });
        var scored = Transforms.ReplaceMissingValues("Sizes").Append(margin).Append(Transforms.CopyColumns("Label", "Flag")).Fit(Known);
        var platt = _context.BinaryClassification.Calibrators.Platt().Fit(scored.Transform(Known));
        var model = new TransformerChain<ITransformer>(scored, platt);

        ShouldAgree(model, Export(model).File, "Score", "Probability");
    }

    [Fact]
    public void Names_that_the_hooks_use_for_themselves_may_be_the_datas_too()
    {
        var model = Transforms.CopyColumns("Score_0", "Sizes").Append(Transforms.CopyColumns("PredictedLabel_0", "Height")).Append(Transforms.Concatenate("deq/W", "Score_0", "PredictedLabel_0"))
            .Append(Transforms.ReplaceMissingValues("BinarizerOutput", "deq/W")).Append(Regression(features: "BinarizerOutput")).Fit(Known);

        ShouldAgree(model, Export(model).File, "Score");
    }

    [Fact]
    public void A_column_that_was_replaced_is_read_as_it_is_where_it_is_read()
    {
        var model = Transforms.CopyColumns("Before", "Sizes").Append(Transforms.ReplaceMissingValues("Sizes")).Append(Transforms.NormalizeMinMax("Sizes")).Append(Transforms.CopyColumns("Between", "Sizes"))
            .Append(Transforms.NormalizeMeanVariance("Sizes")).Append(Transforms.ReplaceMissingValues("Before")).Append(Transforms.Concatenate("Features", "Before", "Between", "Sizes")).Append(Regression()).Fit(Known);

        var (file, report) = Export(model);

        report.InputNames.Should().Equal("Sizes");
        ShouldAgree(model, file, "Score");
    }

    [Fact]
    public void What_no_output_depends_on_is_left_out_and_a_refusal_leaves_the_file_whole()
    {
        var path = Path.Combine(_folder, "model.onnx");
        File.WriteAllText(path, "old");
        var custom = Transforms.CustomMapping<PipelineRow, OtherLabel>((from, to) => to.Target = from.Height, null).Append(Regression(features: "Sizes"));
        var needed = Transforms.CustomMapping<PipelineRow, OtherLabel>((from, to) => to.Target = from.Height, null).Append(Transforms.Concatenate("Features", "Target")).Append(Regression());

        FluentActions.Invoking(() => _context.Model.SaveOnnx(needed.Fit(Known), Known.Schema, path)).Should().Throw<OnnxExportException>().WithMessage("CustomMappingTransformer*, which makes Target,*");
        File.ReadAllText(path).Should().Be("old");

        var report = _context.Model.SaveOnnx(custom.Fit(Known), Known.Schema, path);
        report.InputNames.Should().Equal("Sizes");
        var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph;
        var read = graph.Node.SelectMany(n => n.Input).Concat(graph.Output.Select(o => o.Name)).ToHashSet();
        graph.Initializer.Select(i => i.Name).Concat(graph.Node.SelectMany(n => n.Output)).Should().OnlyContain(name => read.Contains(name));
    }

    [Fact]
    public void Operators_of_ONNX_Runtimes_own_are_reported()
    {
        var model = Transforms.Categorical.OneHotHashEncoding("Features", "Count", numberOfBits: 4).Append(Regression()).Fit(Known);

        Export(model).Report.Domains.Should().Equal("com.microsoft");
        Export(Regression(features: "Sizes").Fit(Known)).Report.Domains.Should().BeEmpty();
    }

    [Fact]
    public void An_input_of_variable_size_or_a_type_that_ONNX_lacks_is_refused()
    {
        var data = _context.Data.LoadFromEnumerable(Enumerable.Range(0, 40).Select(i => new Variable { Words = i % 2 == 0 ? ["a"] : ["a", "b"], Label = i % 2 }));
        var model = Transforms.Categorical.OneHotEncoding("Features", "Words", OneHotEncodingEstimator.OutputKind.Bag).Append(Regression()).Fit(data);
        var dated = Transforms.Conversion.MapValueToKey("K", "Day").Append(Transforms.Conversion.MapKeyToVector("V", "K")).Append(Transforms.Concatenate("Features", "V", "Sizes")).Append(Regression()).Fit(Known);

        FluentActions.Invoking(() => Export(dated)).Should().Throw<OnnxExportException>().WithMessage("*Day*DateTime*Convert it before*");
        FluentActions.Invoking(() => _context.Model.SaveOnnx(model, data.Schema, Stream.Null)).Should().Throw<OnnxExportException>().WithMessage("*variable size*");
    }

    [Fact]
    public void Calibration_data_is_what_the_pipeline_takes()
    {
        var deq = _context.Regression.Trainers.Deq(new DeqRegressionTrainer.Options { Epochs = 3, HiddenSize = 5 });
        var model = Transforms.Conversion.MapValueToKey("Key", "Class").Append(Transforms.ReplaceMissingValues("Sizes")).Append(Transforms.Concatenate("Features", "Sizes", "Height")).Append(deq).Fit(Known);
        // Without label and class, and of no known number of rows.
        var rows = Transforms.SelectColumns("Sizes", "Height").Fit(Known).Transform(_context.Data.FilterRowsByColumn(Later, "Height", -10, 10));
        rows.GetRowCount().Should().BeNull();

        Export(model, new OnnxExportOptions { CalibrationData = rows }).Report.MaxError.Should().BeLessThanOrEqualTo(1e-5);
        FluentActions.Invoking(() => Export(model, new OnnxExportOptions { CalibrationData = Transforms.SelectColumns("Sizes").Fit(Known).Transform(Known) })).Should().Throw<OnnxExportException>().WithMessage("CalibrationData is not what the pipeline takes*Height*");
        var none = _context.Data.LoadFromEnumerable(PipelineRows.Later()[..1]);
        FluentActions.Invoking(() => Export(model, new OnnxExportOptions { CalibrationData = none })).Should().Throw<OnnxExportException>().WithMessage("CalibrationData has no row*");
    }

    private sealed class OtherLabel
    {
        public float Target { get; set; }
    }

    private sealed class Variable
    {
        public string[] Words { get; set; } = [];

        public float Label { get; set; }
    }

    private FnnRegressionTrainer Regression(string label = "Label", string features = "Features") =>
        _context.Regression.Trainers.Fnn(new FnnRegressionTrainer.Options { LabelColumnName = label, FeatureColumnName = features, Epochs = 3, HiddenSizes = [6], Seed = 1 });

    private FnnMulticlassTrainer Multiclass() =>
        _context.MulticlassClassification.Trainers.Fnn(new FnnMulticlassTrainer.Options { LabelColumnName = "Key", FeatureColumnName = "Sizes", Epochs = 10, HiddenSizes = [6], Seed = 1 });

    private (byte[] File, OnnxExportReport Report) Export(ITransformer model, OnnxExportOptions? options = null)
    {
        using var stream = new MemoryStream();
        var report = _context.Model.SaveOnnx(model, Known.Schema, stream, options);
        return (stream.ToArray(), report);
    }

    private static Dictionary<string, string> Metadata(byte[] file) => ModelProto.Parser.ParseFrom(file).MetadataProps.ToDictionary(m => m.Key, m => m.Value);

    /// <summary>Checks that columns of later rows are those of ML.NET: numbers within 1e-5 of the largest, everything else the same.</summary>
    private void ShouldAgree(ITransformer model, byte[] file, params string[] columns)
    {
        using var session = OnnxCases.Open(file);
        var actual = PipelineRows.Run(session, Later);
        var scored = model.Transform(Later);
        foreach (var column in columns)
        {
            var expected = PipelineRows.Values(scored, column);
            var largest = expected.OfType<float>().Where(float.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max();
            actual[$"{column}.output"].Should().Equal(expected, (a, e) => (a, e) is (float x, float y) ? float.IsNaN(y) ? float.IsNaN(x) : Math.Abs(x - y) <= 1e-5 * largest : Equals(a, e), column);
        }
    }
}
