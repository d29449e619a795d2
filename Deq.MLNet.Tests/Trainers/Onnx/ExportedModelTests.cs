using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.Onnx.ExportedModels;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers.Onnx;

public sealed class ExportedModelTests : IDisposable
{
    private readonly MLContext _context = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("deq-onnx-").FullName;

    public static TheoryData<TrainerCase, string> AllCases => Cases;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, MemberData(nameof(AllCases))]
    public void Every_output_of_unseen_rows_is_that_of_float64(TrainerCase trainer, string way)
    {
        var model = Fit(trainer, way);
        var (bytes, report) = Export(model);
        var unseen = Rows(300, 9);
        var expected = Reference(model, unseen);

        Run(bytes, unseen).ShouldBe(expected);
        foreach (var row in unseen[..5])
        {
            Run(bytes, [row]).Score.LargestDifference(Reference(model, [row]).Score).Should().BeLessThanOrEqualTo(1e-5 * expected.Score.Max(Math.Abs));
        }
        if (model.Model is NetworkBinaryModelParameters binary)
        {
            (binary.Calibration is not null).Should().Be(way.Contains("calibrated"));
        }
        (report.Steps > 0).Should().Be(trainer.IsDeq);
        report.OutputNames.Should().Equal(trainer.OutputColumns.Select(column => $"{column}.output"));
    }

    [Theory, AllTrainers]
    public void ML_NET_applies_what_was_exported(TrainerCase trainer)
    {
        var model = Fit(trainer);
        var unseen = Rows(60, 4);
        var data = _context.View(unseen);
        foreach (var opset in new[] { 13, 21 })
        {
            var (bytes, report) = Export(model, new OnnxExportOptions { Opset = opset });
            var path = Path.Combine(_folder, $"{opset}.onnx");
            File.WriteAllBytes(path, bytes);
            Run(bytes, unseen).ShouldBe(Reference(model, unseen));

            using var onnx = _context.Transforms.ApplyOnnxModel([.. report.OutputNames], [report.InputNames[0]], path).Fit(data);
            var scored = onnx.Transform(data);
            // ML.NET takes ".output" off its own converter's names.
            new Outputs(Linear.ToDouble(onnx.Scores(data)),
                trainer.Task == TrainerTask.Binary ? Linear.ToDouble(onnx.Scores(data, "Probability")) : null,
                trainer.Task switch
                {
                    TrainerTask.Regression => null,
                    TrainerTask.Binary => [.. scored.GetColumn<bool[]>("PredictedLabel").Select(v => v[0] ? 1u : 0)],
                    _ => [.. scored.GetColumn<uint[]>("PredictedLabel").Select(v => v[0])],
                }).ShouldBe(Reference(model, unseen));
        }
    }

    [Theory, AllTrainers]
    public void A_row_with_a_missing_feature_stays_alone(TrainerCase trainer)
    {
        var bytes = Export(Fit(trainer)).Bytes;
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
    public void A_model_that_was_loaded_exports_the_same_bytes(TrainerCase trainer, string way)
    {
        var model = Fit(trainer, way);

        Export(model.SavedAndLoaded(Schema)).Bytes.Should().Equal(Export(model).Bytes);
    }

    [Theory, AllTrainers]
    public void The_feature_column_may_have_any_name(TrainerCase trainer)
    {
        var way = trainer.Task == TrainerTask.Binary ? "Hinge, calibrated" : null;
        var unseen = Rows(100, 7);
        foreach (var column in new[] { "deq/W", "deq/output_2/slope", "label/one", "W", "BinarizerOutput", "fnn/output/gemm" })
        {
            var model = Fit(trainer, way, column);

            var (bytes, report) = Export(model, schema: Named(_context.View(unseen), column).Schema);

            report.InputNames[0].Should().Be(column);
            Run(bytes, unseen, column).ShouldBe(Reference(model, unseen));
        }
    }

    [Fact]
    public void A_feature_column_named_as_an_output_is_refused()
    {
        var model = Fit(TrainerCase.Of(NetworkKind.Fnn, TrainerTask.Binary), features: "Probability");
        var schema = Named(_context.View(Rows(1)), "Probability").Schema;
        FluentActions.Invoking(() => Export(model, schema: schema)).Should().Throw<OnnxExportException>().WithMessage("*name of an output, Probability*");
    }

    private DataViewSchema Schema => _context.View(Rows(1)).Schema;

    private (byte[] Bytes, OnnxExportReport Report) Export(ITransformer model, OnnxExportOptions? options = null, DataViewSchema? schema = null)
    {
        using var stream = new MemoryStream();
        var report = _context.Model.SaveOnnx(model, schema ?? Schema, stream, options);
        return (stream.ToArray(), report);
    }
}
