using System.Buffers.Binary;
using System.IO.Compression;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.Scoring.SolveSetup;

namespace Deq.MLNet.Tests.Trainers.Scoring;

public sealed class StateColumnChainTests
{
    private readonly MLContext _context = new(1);

    [Theory, EveryTask]
    public void The_equilibrium_is_the_features_of_what_follows_also_after_loading(DeqTask task)
    {
        var data = _context.View(SolveRows(300));
        var chain = _context.Deq(task, AllColumns)
            .Append(_context.BinaryClassification.Trainers.LbfgsLogisticRegression("IsHigh", "State"))
            .Fit(data);
        var test = _context.View(SolveRows(100, 2));

        var loaded = Load(Save(chain, data.Schema));

        chain.LastTransformer.Model.SubModel.Weights.Should().HaveCount(States);
        _context.BinaryClassification.Evaluate(chain.Transform(test), "IsHigh").AreaUnderRocCurve.Should().BeGreaterThan(0.9);
        var (before, after) = (chain.Transform(test), loaded.Transform(new MLContext(2).View(SolveRows(100, 2))));
        after.Schema.Select(c => (c.Name, c.Type)).Should().Equal(before.Schema.Select(c => (c.Name, c.Type)));
        foreach (var column in before.Schema.Where(c => !c.IsHidden).Select(c => c.Name))
        {
            after.Values(column).Should().Equal(before.Values(column), "{0}", column);
        }
    }

    [Theory, EveryTask]
    public void A_loaded_model_adds_the_columns_it_was_trained_to(DeqTask task)
    {
        var data = _context.View(SolveRows());
        foreach (var (solve, state) in new[] { (false, null), (true, null), (false, "z"), (true, "State of things") })
        {
            var model = _context.Deq(task, o => (o.SolveColumns, o.StateColumn) = (solve, state)).Fit(data);

            var loaded = Load(Save(model, data.Schema));

            loaded.Transform(data).Schema.Select(c => (c.Name, c.Type)).Should().Equal(model.Transform(data).Schema.Select(c => (c.Name, c.Type)));
        }
    }

    [Fact]
    public void Columns_that_no_model_has_are_refused_at_loading()
    {
        var data = _context.View(SolveRows());
        var deq = Save(_context.Deq(DeqTask.Regression, o => o.StateColumn = "z").Fit(data), null);
        var fnn = Save(_context.Regression.Trainers.Fnn(new FnnRegressionTrainer.Options { HiddenSizes = [4], Epochs = 1, Threads = 1 }).Fit(data), null);

        Load(WithSolve(deq, 1)).Transform(data).Schema.Select(c => c.Name).Should().Contain(["Residual", "Iterations", "SolveStatus", "z"]);
        Refused(WithSolve(deq, 2), "2 and \"z\", of a DeqNetwork");
        Refused(WithSolve(fnn, 1), "1 and \"\", of a FnnNetwork");

        void Refused(byte[] zip, string what) => FluentActions.Invoking(() => Load(zip)).Should().Throw<Exception>().Which.GetBaseException()
            .Should().BeOfType<ModelFormatException>().Which.Message.Should().Contain(what);
    }

    /// <summary>The zip with the byte changed that says whether columns of the solve are added: it follows ML.NET's header and a number of four bytes.</summary>
    private static byte[] WithSolve(byte[] zip, byte value)
    {
        using var file = new MemoryStream();
        file.Write(zip);
        using (var archive = new ZipArchive(file, ZipArchiveMode.Update, leaveOpen: true))
        {
            var entry = archive.Entries.Single(e => e.FullName.EndsWith("Model/Model.key", StringComparison.Ordinal) || e.FullName.EndsWith("Model\\Model.key", StringComparison.Ordinal));
            var bytes = new byte[entry.Length];
            using var stream = entry.Open();
            stream.ReadExactly(bytes);
            var start = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(16));
            bytes[start + 4].Should().BeLessThan(2);
            bytes[start + 4] = value;
            stream.Position = 0;
            stream.Write(bytes);
        }
        return file.ToArray();
    }

    private byte[] Save(ITransformer model, DataViewSchema? schema)
    {
        using var stream = new MemoryStream();
        _context.Model.Save(model, schema, stream);
        return stream.ToArray();
    }

    private static ITransformer Load(byte[] bytes)
    {
        using var stream = new MemoryStream(bytes);
        return new MLContext(2).Model.Load(stream, out _);
    }
}
