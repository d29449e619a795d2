using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers.Onnx;

public sealed class SaveOnnxTests : IDisposable
{
    private readonly MLContext _context = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("deq-onnx-").FullName;

    private string Target => Path.Combine(_folder, "model.onnx");

    private DataViewSchema Schema => _context.View(Rows(1)).Schema;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, BothTrainers]
    public void Scores_of_unseen_rows_are_those_of_float64(TrainerCase trainer)
    {
        var model = trainer.Fit(o => o.Epochs = 20);
        var report = _context.Model.SaveOnnx(model, Schema, Target);
        var rows = Rows(300, 9);
        var expected = model.Model.Network.Reference(rows);
        var allowed = (trainer.IsDeq ? 1e-5 : 1e-6) * expected.Max(Math.Abs);

        report.Should().Match<OnnxExportReport>(r => r.InputNames.Single() == "Features" && r.Bytes == new FileInfo(Target).Length && r.Steps > 0 == (trainer.IsDeq));
        Run(rows).LargestDifference(expected).Should().BeLessThan(allowed);

        var onnx = _context.Transforms.ApplyOnnxModel("Score.output", "Features", Target).Fit(_context.View(rows));
        onnx.Scores(rows).LargestDifference(expected).Should().BeLessThan(allowed);
    }

    /// <summary>With half of the error kept for unseen rows the second of these seeds was off by 1.2e-5.</summary>
    [Fact]
    public void The_error_holds_on_unseen_rows_whatever_the_seed()
    {
        var unseen = Rows(300, 9);
        for (var seed = 1; seed <= 10; seed++)
        {
            var model = TrainerCase.Deq.Fit(o => (o.Epochs, o.Seed) = (20, seed));
            _context.Model.SaveOnnx(model, Schema, Target);
            var expected = model.Model.Network.Reference(unseen);

            Run(unseen).LargestDifference(expected).Should().BeLessThan(1e-5 * expected.Max(Math.Abs), "seed {0}", seed);
        }
    }

    [Fact]
    public void A_pipeline_without_a_model_is_refused_and_a_file_stays_as_it_was()
    {
        var data = _context.View(Rows());
        File.WriteAllText(Target, "old");
        var none = _context.Transforms.NormalizeMinMax("Features").Fit(data);

        FluentActions.Invoking(() => _context.Model.SaveOnnx(none, data.Schema, Target)).Should().Throw<OnnxExportException>().WithMessage("*holds 0 models*");
        FluentActions.Invoking(() => _context.Model.SaveOnnx(TrainerCase.Deq.Fit(), data.Schema, Target, new OnnxExportOptions { MaxError = 1e-30 })).Should().Throw<OnnxExportException>().WithMessage("*MaxError*");
        FluentActions.Invoking(() => _context.Model.SaveOnnx(TrainerCase.Fnn.Fit(), _context.Data.LoadFromEnumerable([new TrainerScore()]).Schema, Target)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Features*");

        FluentActions.Invoking(() => ((ModelOperationsCatalog)null!).SaveOnnx(TrainerCase.Fnn.Fit(), data.Schema, Target)).Should().Throw<ArgumentNullException>().WithParameterName("catalog");

        File.ReadAllText(Target).Should().Be("old");
        Directory.GetFiles(_folder).Should().Equal(Target);
        var missing = Path.Combine(_folder, "absent", "model.onnx");
        FluentActions.Invoking(() => _context.Model.SaveOnnx(TrainerCase.Fnn.Fit(), data.Schema, missing)).Should().Throw<DirectoryNotFoundException>().WithMessage($"*{missing}*");
    }

    [Fact]
    public void The_error_asked_for_decides_the_steps_also_after_loading()
    {
        var model = TrainerCase.Deq.Fit();
        var loaded = model.SavedAndLoaded(Schema);
        int Steps(ITransformer from, OnnxExportOptions? options = null) => _context.Model.SaveOnnx(from, Schema, Stream.Null, options).Steps;

        Steps(model, new OnnxExportOptions { MaxError = 1e-2 }).Should().BeLessThan(Steps(model));
        Steps(model, new OnnxExportOptions { Steps = 3 }).Should().Be(3);
        Steps(loaded).Should().Be(Steps(model));
    }

    private double[] Run(TrainerRow[] rows, string input = "Features") => ExportedModels.Run(File.ReadAllBytes(Target), rows, input).Score;
}
