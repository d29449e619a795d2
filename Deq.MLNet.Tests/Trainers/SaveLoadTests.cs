using System.IO.Compression;
using Deq.MLNet.Tests.Storage;
using Deq.MLNet.Tests.Training.Torch;
using FluentAssertions.Specialized;
using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class SaveLoadTests : IDisposable
{
    private readonly MLContext _context = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("deq-model-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, BothTrainers]
    public void A_loaded_model_is_the_saved_one(TrainerKind kind)
    {
        var model = Fit(kind);
        var data = _context.View(Rows(50, 2));

        var loaded = (RegressionPredictionTransformer<NetworkRegressionModelParameters>)Load(Save(model, data.Schema), out var schema);

        SameBits.Assert(loaded.Model.Network, model.Model.Network);
        loaded.Scores(data).Bits().Should().Equal(model.Scores(data).Bits());
        loaded.FeatureColumnName.Should().Be("Features");
        schema.Select(c => (c.Name, c.Type)).Should().Equal(data.Schema.Select(c => (c.Name, c.Type)));
        loaded.Model.History.Epochs.Should().Equal(model.Model.History.Epochs).And.HaveCount(4);
        loaded.Model.History.Should().Be(model.Model.History with { Epochs = loaded.Model.History.Epochs });
        (loaded.Model.Equilibrium is null).Should().Be(kind == TrainerKind.Fnn);
        loaded.Model.Equilibrium.Should().BeEquivalentTo(model.Model.Equilibrium, o => o.WithStrictOrdering());
        Save(loaded, data.Schema).Length.Should().Be(Save(model, data.Schema).Length);
    }

    [Theory, BothTrainers]
    public void A_loaded_model_is_where_training_may_go_on(TrainerKind kind)
    {
        var model = Fit(kind);
        var loaded = (RegressionPredictionTransformer<NetworkRegressionModelParameters>)Load(Save(model, _context.View(Rows()).Schema), out _);
        var trainer = _context.Trainer(kind);

        trainer.Fit(_context.View(Rows()), modelParameters: loaded.Model).Scores(Rows()).Bits()
            .Should().Equal(trainer.Fit(_context.View(Rows()), modelParameters: model.Model).Scores(Rows()).Bits());
    }

    [TorchBackendFact(OnLinux = true)]
    public void A_fresh_process_without_libtorch_loads_and_scores_to_the_last_bit()
    {
        using var app = new TorchBackendFolder();
        app.RemoveLibtorch();
        foreach (var kind in Enum.GetValues<TrainerKind>())
        {
            var data = _context.View(Rows(100, 2));
            var pipeline = _context.Transforms.NormalizeMinMax("Features").Append(_context.Trainer(kind)).Fit(_context.View(Rows()));
            var (model, rows) = (Path.Combine(_folder, $"{kind}.zip"), Path.Combine(_folder, $"{kind}.idv"));
            _context.Model.Save(pipeline, data.Schema, model);
            using (var stream = File.Create(rows))
            {
                _context.Data.SaveAsBinary(data, stream);
            }

            var answer = app.Run<ScoreAnswer>("score", model, rows);

            answer.Bits.Should().Equal(pipeline.Scores(data).Bits());
            answer.Mapped.Should().Contain(f => f.EndsWith("libcoreclr.so", StringComparison.Ordinal)).And
                .NotContain(f => f.Contains("libtorch", StringComparison.OrdinalIgnoreCase) || f.StartsWith("libc10", StringComparison.Ordinal));
        }
    }

    [Theory, BothTrainers]
    public void SaveAtomic_writes_what_Save_writes(TrainerKind kind)
    {
        var path = Path.Combine(_folder, "model.zip");
        var model = Fit(kind);

        _context.Model.SaveAtomic(model, _context.View(Rows()).Schema, path);

        SameBits.Assert(((RegressionPredictionTransformer<NetworkRegressionModelParameters>)_context.Model.Load(path, out var schema)).Model.Network, model.Model.Network);
        schema.Should().NotBeNull();
        _context.Model.SaveAtomic(model, null, path);
        _context.Model.Load(path, out schema);
        schema.Should().BeNull();
    }

    [Fact]
    public void SaveAtomic_leaves_the_old_file_whole_where_saving_fails()
    {
        FluentActions.Invoking(() => _context.Model.SaveAtomic(null!, null, "never.zip")).Should().Throw<ArgumentNullException>().WithParameterName("model");
        FluentActions.Invoking(() => ((ModelOperationsCatalog)null!).SaveAtomic(Fit(TrainerKind.Fnn), null, "never.zip")).Should().Throw<ArgumentNullException>().WithParameterName("catalog");
        File.Exists("never.zip").Should().BeFalse();
        var path = Path.Combine(_folder, "model.zip");
        _context.Model.SaveAtomic(Fit(TrainerKind.Fnn), null, path);
        var old = File.ReadAllBytes(path);
        var unsavable = _context.Transforms.CustomMapping<TrainerRow, TrainerScore>((_, _) => { }, null).Fit(_context.View(Rows(3)));

        FluentActions.Invoking(() => _context.Model.SaveAtomic(unsavable, null, path)).Should().Throw<Exception>();

        File.ReadAllBytes(path).Should().Equal(old);
        Directory.GetFiles(_folder).Should().Equal(path);
    }

    [Fact]
    public void A_path_that_cannot_be_written_is_named()
    {
        var model = Fit(TrainerKind.Fnn);
        var missing = Path.Combine(_folder, "absent", "model.zip");

        FluentActions.Invoking(() => _context.Model.SaveAtomic(model, null, missing)).Should().Throw<DirectoryNotFoundException>().WithMessage($"*{missing}*");
        FluentActions.Invoking(() => _context.Model.SaveAtomic(model, null, _folder)).Should().Throw<Exception>().Which.Should().Match<Exception>(e => (e is IOException || e is UnauthorizedAccessException) && e.Message.Contains(_folder));
    }

    [Theory, BothTrainers]
    public void A_truncated_model_file_is_refused_wherever_it_ends(TrainerKind kind)
    {
        var bytes = Save(Fit(kind), _context.View(Rows()).Schema);

        for (var length = 0; length < bytes.Length; length += 1 + bytes.Length / 150)
        {
            RefusedOrUnchanged(bytes[..length], null).Should().BeFalse("{0} of {1} bytes are no model", length, bytes.Length);
        }
    }

    [Theory, BothTrainers]
    public void A_changed_model_file_is_refused_or_still_the_same_network(TrainerKind kind)
    {
        var model = Fit(kind);
        var bytes = Save(model, _context.View(Rows()).Schema);

        for (var at = 0; at < bytes.Length; at += 1 + bytes.Length / 300)
        {
            var changed = bytes.ToArray();
            changed[at] ^= (byte)(1 << at % 8);
            RefusedOrUnchanged(changed, model.Model.Network);
        }
    }

    [Theory, BothTrainers]
    public void Every_change_of_the_stored_network_is_a_ModelFormatException(TrainerKind kind)
    {
        var bytes = Save(Fit(kind), null);
        var size = Entry(bytes, content => content).Size;
        for (var at = 0; at < size; at += 1 + size / 60)
        {
            Format(Entry(bytes, content => { content[at] ^= 0x10; return content; }).Zip);
            Format(Entry(bytes, content => content[..at]).Zip);
        }
        Format(Entry(bytes, content => [.. content, 0]).Zip);
        Format(Entry(bytes, _ => null).Zip);
    }

    [Theory, BothTrainers]
    public void A_record_of_the_training_that_is_missing_cut_or_of_another_network_is_a_ModelFormatException(TrainerKind kind)
    {
        const string stream = "Training.json";
        var bytes = Save(Fit(kind), null);
        byte[]? other = null;
        Entry(Save(Fit(kind == TrainerKind.Deq ? TrainerKind.Fnn : TrainerKind.Deq), null), content => other = content, stream);

        Format(Entry(bytes, _ => null, stream).Zip).WithMessage("*no stream Training.json*");
        Format(Entry(bytes, content => content[..^1], stream).Zip).WithMessage("The record of the training cannot be read*");
        Format(Entry(bytes, _ => other, stream).Zip).WithMessage("The record of the training is of another network*");
    }

    [Fact]
    public void Foreign_files_are_refused()
    {
        byte[][] foreign = [[], "no model"u8.ToArray(), [.. "PK\x03\x04"u8, .. new byte[100]], new byte[4096]];
        foreach (var bytes in foreign)
        {
            RefusedOrUnchanged(bytes, null).Should().BeFalse();
        }
    }

    /// <summary>Whether the bytes are a model with this network; if not, that they were refused as a file should be, and cheaply.</summary>
    private bool RefusedOrUnchanged(byte[] bytes, Network? network)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            var model = Load(bytes, out _);
            SameBits.Assert(((RegressionPredictionTransformer<NetworkRegressionModelParameters>)model).Model.Network, network!);
            return true;
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            var root = e.GetBaseException();
            root.Should().Match<Exception>(x => x is ModelFormatException || x is FormatException || x is InvalidDataException || x is IOException || x is InvalidOperationException || x is ArgumentException || x is NotSupportedException, "{0}", e);
            return false;
        }
        finally
        {
            (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(64 << 20);
        }
    }

    private ExceptionAssertions<ModelFormatException> Format(byte[] zip) => new([FluentActions.Invoking(() => Load(zip, out _)).Should().Throw<Exception>().Which.GetBaseException().Should().BeOfType<ModelFormatException>().Subject]);

    /// <summary>The zip with the stored network, or another stream, changed or taken out, and the size it had.</summary>
    private static (byte[] Zip, int Size) Entry(byte[] zip, Func<byte[], byte[]?> change, string stream = "Network.bin")
    {
        using var file = new MemoryStream();
        file.Write(zip);
        var size = 0;
        using (var archive = new ZipArchive(file, ZipArchiveMode.Update, leaveOpen: true))
        {
            var entry = archive.Entries.Single(e => e.FullName.EndsWith(stream, StringComparison.Ordinal));
            using var content = new MemoryStream();
            using (var read = entry.Open())
            {
                read.CopyTo(content);
            }
            size = (int)content.Length;
            var name = entry.FullName;
            entry.Delete();
            if (change(content.ToArray()) is { } changed)
            {
                using var write = archive.CreateEntry(name).Open();
                write.Write(changed);
            }
        }
        return (file.ToArray(), size);
    }

    private byte[] Save(ITransformer model, DataViewSchema? schema)
    {
        using var stream = new MemoryStream();
        _context.Model.Save(model, schema, stream);
        return stream.ToArray();
    }

    private ITransformer Load(byte[] bytes, out DataViewSchema schema)
    {
        using var stream = new MemoryStream(bytes);
        return _context.Model.Load(stream, out schema);
    }

    private sealed record ScoreAnswer(int[] Bits, string[] Mapped);
}
