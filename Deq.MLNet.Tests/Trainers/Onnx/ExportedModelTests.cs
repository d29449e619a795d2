using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.Onnx.ExportedModels;

namespace Deq.MLNet.Tests.Trainers.Onnx;

public sealed class ExportedModelTests : IDisposable
{
    private readonly MLContext _context = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("deq-onnx-").FullName;

    public static TheoryData<string> AllCases => Cases;

    public static TheoryData<string> AllTrainers => ExportedModels.Trainers;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, MemberData(nameof(AllCases))]
    public void Every_output_of_unseen_rows_is_that_of_float64(string name)
    {
        var model = Fit(name);
        var (bytes, report) = Export(model);
        var unseen = Rows(300, 9);
        var expected = Reference(model.Model, unseen);

        Run(bytes, unseen).ShouldBe(expected);
        foreach (var row in unseen[..5])
        {
            var alone = Run(bytes, [row]);
            LargestError(alone.Score, Reference(model.Model, [row]).Score).Should().BeLessThanOrEqualTo(1e-5 * expected.Score.Max(Math.Abs));
        }
        if (model.Model is NetworkBinaryModelParameters binary)
        {
            (binary.Calibration is not null).Should().Be(name.Contains("calibrated"));
        }
        report.Steps.Should().Match(steps => steps > 0 == name.Contains("deq"));
        report.OutputNames.Should().Equal(
            name.Contains("binary") ? ["PredictedLabel.output", "Score.output", "Probability.output"]
            : name.Contains("multiclass") ? ["PredictedLabel.output", "Score.output"] : ["Score.output"]);
    }

    [Theory, MemberData(nameof(AllTrainers))]
    public void ML_NET_applies_what_was_exported(string name)
    {
        var model = Fit(name);
        var unseen = Rows(60, 4);
        var data = _context.Data.LoadFromEnumerable(unseen);
        foreach (var opset in new[] { 13, 21 })
        {
            var (bytes, report) = Export(model, new OnnxExportOptions { Opset = opset });
            var path = Path.Combine(_folder, $"{opset}.onnx");
            File.WriteAllBytes(path, bytes);
            Run(bytes, unseen).ShouldBe(Reference(model.Model, unseen));

            using var onnx = _context.Transforms.ApplyOnnxModel([.. report.OutputNames], [report.InputName], path).Fit(data);
            var scored = onnx.Transform(data);
            double[] Floats(string column) => [.. scored.GetColumn<float[]>(column).SelectMany(v => v).Select(v => (double)v)];
            // ML.NET takes ".output" off its own converter's names.
            new Outputs(Floats("Score"),
                name.Contains("binary") ? Floats("Probability") : null,
                name.Contains("binary") ? [.. scored.GetColumn<bool[]>("PredictedLabel").Select(v => v[0] ? 1u : 0)]
                : name.Contains("multiclass") ? [.. scored.GetColumn<uint[]>("PredictedLabel").Select(v => v[0])] : null).ShouldBe(Reference(model.Model, unseen));
        }
    }

    [Theory, MemberData(nameof(AllTrainers))]
    public void A_row_with_a_missing_feature_stays_alone(string name)
    {
        var bytes = Export(Fit(name)).Bytes;
        var rows = Rows(6, 5);
        var clean = Run(bytes, rows);
        foreach (var bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            rows[2].Features[1] = bad;
            var actual = Run(bytes, rows);
            var width = actual.Score.Length / 6;
            actual.Score.Select((v, i) => double.IsNaN(v) == (i / width == 2)).Should().OnlyContain(same => same);
            actual.Score.Where((_, i) => i / width != 2).Should().Equal(clean.Score.Where((_, i) => i / width != 2));
            actual.Probability?.Select((p, i) => double.IsNaN(p) == (i == 2)).Should().OnlyContain(same => same);
            actual.Label?.Where((_, i) => i != 2).Should().Equal(clean.Label!.Where((_, i) => i != 2));
            actual.Label?[2].Should().Be(0, "it is false, or no key, as in ML.NET");
        }
    }

    [Theory, MemberData(nameof(AllCases))]
    public void A_model_that_was_loaded_exports_the_same_bytes(string name)
    {
        var model = Fit(name);
        using var zip = new MemoryStream();
        _context.Model.Save(model, Schema(), zip);
        var loaded = _context.Model.Load(zip, out _);

        Export(loaded).Bytes.Should().Equal(Export(model).Bytes);
    }

    [Theory]
    [InlineData("deq regression", "deq/W")]
    [InlineData("deq binary Hinge, calibrated", "deq/output_2/slope")]
    [InlineData("deq multiclass", "label/one")]
    [InlineData("fnn regression", "W")]
    [InlineData("fnn binary", "BinarizerOutput")]
    [InlineData("fnn multiclass", "fnn/output/gemm")]
    public void The_feature_column_may_have_any_name(string name, string column)
    {
        var model = Fit(name, column);
        var data = _context.Data.LoadFromEnumerable(Rows(1, 1));
        using var stream = new MemoryStream();
        var report = _context.Model.SaveOnnx(model, _context.Transforms.CopyColumns(column, "Features").Fit(data).Transform(data).Schema, stream);
        var unseen = Rows(100, 7);

        report.InputName.Should().Be(column);
        Run(stream.ToArray(), unseen).ShouldBe(Reference(model.Model, unseen));
    }

    [Fact]
    public void A_feature_column_named_as_an_output_is_refused()
    {
        var model = Fit("fnn binary", "Probability");
        var data = _context.Data.LoadFromEnumerable(Rows(1, 1));
        var schema = _context.Transforms.CopyColumns("Probability", "Features").Fit(data).Transform(data).Schema;
        FluentActions.Invoking(() => _context.Model.SaveOnnx(model, schema, Stream.Null)).Should().Throw<OnnxExportException>().WithMessage("*name of an output, Probability*");
    }

    private DataViewSchema Schema() => _context.Data.LoadFromEnumerable(Rows(1, 1)).Schema;

    private (byte[] Bytes, OnnxExportReport Report) Export(ITransformer model, OnnxExportOptions? options = null)
    {
        using var stream = new MemoryStream();
        var report = _context.Model.SaveOnnx(model, Schema(), stream, options);
        return (stream.ToArray(), report);
    }
}
