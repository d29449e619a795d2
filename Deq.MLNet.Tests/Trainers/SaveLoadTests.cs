using Deq.MLNet.Tests.Storage;
using Deq.MLNet.Tests.Training.Torch;
using Deq.MLNet.Trainers;
using FluentAssertions.Specialized;
using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.ModelZip;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class SaveLoadTests : IDisposable
{
    private readonly MLContext _context = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("deq-model-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, AllTrainers]
    public void A_loaded_model_is_the_saved_one(TrainerCase trainer)
    {
        var model = trainer.Fit();
        var data = trainer.View(_context, Rows(50, 2));

        var loaded = (AnyModel)Load(model.Saved(data.Schema), out var schema);

        loaded.GetType().Should().Be(trainer.Task switch
        {
            TrainerTask.Regression => typeof(RegressionPredictionTransformer<NetworkRegressionModelParameters>),
            TrainerTask.Binary => typeof(BinaryPredictionTransformer<NetworkBinaryModelParameters>),
            _ => typeof(MulticlassPredictionTransformer<NetworkMulticlassModelParameters>),
        });
        SameBits.Assert(loaded.Model.Network, model.Model.Network);
        loaded.Scores(data).Bits().Should().Equal(model.Scores(data).Bits());
        loaded.FeatureColumnName.Should().Be("Features");
        schema.Select(c => (c.Name, c.Type)).Should().Equal(data.Schema.Select(c => (c.Name, c.Type)));
        loaded.Model.History.Epochs.Should().Equal(model.Model.History.Epochs).And.HaveCount(4);
        loaded.Model.History.Should().Be(model.Model.History with { Epochs = loaded.Model.History.Epochs });
        (loaded.Model.Equilibrium is null).Should().Be(!trainer.IsDeq);
        loaded.Model.Equilibrium.Should().BeEquivalentTo(model.Model.Equilibrium, o => o.WithStrictOrdering());
        loaded.Saved(data.Schema).Length.Should().Be(model.Saved(data.Schema).Length);
    }

    [Theory, AllTrainers]
    public void A_loaded_model_is_where_training_may_go_on(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var model = trainer.Fit();
        var loaded = (AnyModel)model.SavedAndLoaded(data.Schema);
        var next = trainer.Trainer(_context);

        next.Fit(data, null, loaded.Model).Scores(Rows()).Bits().Should().Equal(next.Fit(data, null, model.Model).Scores(Rows()).Bits());
    }

    [Theory, AllTrainers(TrainerTask.Binary)]
    public void The_calibration_of_a_probability_is_saved_with_its_model(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var model = trainer.Trainer(_context, o => TrainerCase.SetLoss(o, BinaryLoss.Hinge)).Fit(data, trainer.View(_context, Rows(50, 2)));
        var parameters = (NetworkBinaryModelParameters)model.Model;

        var loaded = (BinaryPredictionTransformer<NetworkBinaryModelParameters>)model.SavedAndLoaded(data.Schema);

        (loaded.Model.IsCalibrated, loaded.Model.Calibration).Should().Be((true, parameters.Calibration));
        var probabilities = loaded.Scores(data, "Probability");
        probabilities.Bits().Should().Equal(model.Scores(data, "Probability").Bits());
        probabilities.Should().Equal(loaded.Scores(data).Select(score => (float)Float64.Logistic(parameters.Calibration!.Slope * score + parameters.Calibration.Offset)), "it is the calibrated one");
    }

    [TorchBackendFact(OnLinux = true)]
    public void A_fresh_process_without_libtorch_loads_and_scores_to_the_last_bit()
    {
        using var app = new TorchBackendFolder();
        app.RemoveLibtorch();
        foreach (var network in Enum.GetValues<NetworkKind>())
        {
            var data = LabelsOfEveryTask();
            var pipeline = ChainOfEveryTask(network).Fit(data);
            var (model, rows) = (Path.Combine(_folder, $"{network}.zip"), Path.Combine(_folder, $"{network}.idv"));
            _context.Model.Save(pipeline, data.Schema, model);
            using (var stream = File.Create(rows))
            {
                _context.Data.SaveAsBinary(data, stream);
            }
            foreach (var column in new[] { "Regression", "Binary", "Multiclass" })
            {
                var answer = app.Run<ScoreAnswer>("score", model, rows, column);

                answer.Bits.Should().Equal(pipeline.Scores(data, column).Bits()).And.HaveCount(column == "Multiclass" ? 600 : 200);
                answer.Mapped.Should().Contain(f => f.EndsWith("libcoreclr.so", StringComparison.Ordinal)).And
                    .NotContain(f => f.Contains("libtorch", StringComparison.OrdinalIgnoreCase) || f.StartsWith("libc10", StringComparison.Ordinal));
            }
        }
    }

    [Theory, AllTrainers]
    public void SaveAtomic_writes_what_Save_writes(TrainerCase trainer)
    {
        var path = Path.Combine(_folder, "model.zip");
        var model = trainer.Fit();

        _context.Model.SaveAtomic(model, trainer.View(_context).Schema, path);

        SameBits.Assert(((AnyModel)_context.Model.Load(path, out var schema)).Model.Network, model.Model.Network);
        schema.Should().NotBeNull();
        _context.Model.SaveAtomic(model, null, path);
        _context.Model.Load(path, out schema);
        schema.Should().BeNull();
    }

    [Fact]
    public void SaveAtomic_leaves_the_old_file_whole_where_saving_fails()
    {
        FluentActions.Invoking(() => _context.Model.SaveAtomic(null!, null, "never.zip")).Should().Throw<ArgumentNullException>().WithParameterName("model");
        FluentActions.Invoking(() => ((ModelOperationsCatalog)null!).SaveAtomic(TrainerCase.Fnn.Fit(), null, "never.zip")).Should().Throw<ArgumentNullException>().WithParameterName("catalog");
        File.Exists("never.zip").Should().BeFalse();
        var path = Path.Combine(_folder, "model.zip");
        _context.Model.SaveAtomic(TrainerCase.Fnn.Fit(), null, path);
        var old = File.ReadAllBytes(path);
        var unsavable = _context.Transforms.CustomMapping<TrainerRow, TrainerScore>((_, _) => { }, null).Fit(_context.View(Rows(3)));

        FluentActions.Invoking(() => _context.Model.SaveAtomic(unsavable, null, path)).Should().Throw<Exception>();

        File.ReadAllBytes(path).Should().Equal(old);
        Directory.GetFiles(_folder).Should().Equal(path);
    }

    [Fact]
    public void A_path_that_cannot_be_written_is_named()
    {
        var model = TrainerCase.Fnn.Fit();
        var missing = Path.Combine(_folder, "absent", "model.zip");

        FluentActions.Invoking(() => _context.Model.SaveAtomic(model, null, missing)).Should().Throw<DirectoryNotFoundException>().WithMessage($"*{missing}*");
        FluentActions.Invoking(() => _context.Model.SaveAtomic(model, null, _folder)).Should().Throw<Exception>().Which.Should().Match<Exception>(e => (e is IOException || e is UnauthorizedAccessException) && e.Message.Contains(_folder));
    }

    [Theory, AllTrainers]
    public void A_truncated_model_file_is_refused_wherever_it_ends(TrainerCase trainer)
    {
        var bytes = trainer.Fit().Saved(trainer.View(_context).Schema);

        for (var length = 0; length < bytes.Length; length += 1 + bytes.Length / 150)
        {
            RefusedOrUnchanged(bytes[..length], null).Should().BeFalse("{0} of {1} bytes are no model", length, bytes.Length);
        }
    }

    /// <summary>Not within the schemas: ML.NET reads the names of a key's values and the sizes of a vector without bounds, and one changed bit makes it allocate much or not come to an end, with its own trainers' models as with ours.</summary>
    [Theory, AllTrainers]
    public void A_changed_model_file_is_refused_or_still_the_same_model(TrainerCase trainer)
    {
        // A hinge's model has a calibration too.
        var model = trainer.Fit(o =>
        {
            o.ValidationFraction = 0.2f;
            if (trainer.Task == TrainerTask.Binary)
            {
                TrainerCase.SetLoss(o, BinaryLoss.Hinge);
            }
        });
        var bytes = model.Saved(trainer.View(_context).Schema);
        var schemas = EntriesNamed(bytes, "Schema").ToList();
        schemas.Should().HaveCountGreaterThanOrEqualTo(2, "there are those of the data and of the training");

        for (var at = 0; at < bytes.Length; at += 1 + bytes.Length / 300)
        {
            if (schemas.Any(s => at >= s.Start.Value && at < s.End.Value))
            {
                continue;
            }
            var changed = bytes.ToArray();
            changed[at] ^= (byte)(1 << at % 8);
            RefusedOrUnchanged(changed, model.Model);
        }
    }

    [Theory, AllTrainers]
    public void Every_change_of_the_stored_network_is_a_ModelFormatException(TrainerCase trainer)
    {
        var bytes = trainer.Fit().Saved(null);
        byte[] Changed(Func<byte[], byte[]?> change) => Change(bytes, "Network.bin", change).Zip;
        var size = Change(bytes, "Network.bin", content => content).Size;
        for (var at = 0; at < size; at += 1 + size / 60)
        {
            Format(Changed(content => { content[at] ^= 0x10; return content; }));
            Format(Changed(content => content[..at]));
        }
        Format(Changed(content => [.. content, 0]));
        Format(Changed(_ => null));
    }

    [Theory, BothTrainers]
    public void A_record_of_the_training_that_is_missing_cut_or_of_another_network_is_a_ModelFormatException(TrainerCase trainer)
    {
        var bytes = trainer.Fit().Saved(null);
        byte[] Changed(Func<byte[], byte[]?> change) => Change(bytes, "Training.json", change).Zip;
        byte[]? other = null;
        Change(trainer.OfOtherNetwork.Fit().Saved(null), "Training.json", content => other = content);

        Format(Changed(_ => null)).WithMessage("*no stream Training.json*");
        Format(Changed(content => content[..^1])).WithMessage("The record of the training cannot be read*");
        Format(Changed(_ => other)).WithMessage("The record of the training is of another network*");
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

    /// <summary>Whether the bytes are this model; if not, that they were refused as a file should be, and cheaply.</summary>
    private static bool RefusedOrUnchanged(byte[] bytes, INetworkModel? expected)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            var model = ((AnyModel)Load(bytes)).Model;
            SameBits.Assert(model.Network, expected!.Network);
            model.History.Epochs.Should().Equal(expected.History.Epochs);
            ((model as NetworkBinaryModelParameters)?.Calibration).Should().Be((expected as NetworkBinaryModelParameters)?.Calibration);
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

    private static ExceptionAssertions<ModelFormatException> Format(byte[] zip) => new([FluentActions.Invoking(() => Load(zip)).Should().Throw<Exception>().Which.GetBaseException().Should().BeOfType<ModelFormatException>().Subject]);

    private IDataView LabelsOfEveryTask() => _context.Data.LoadFromEnumerable(Rows().Select(r => new EveryLabel { Features = r.Features, Regression = r.Label, Binary = r.Label > 3, Multiclass = r.Label < 2 ? "low" : r.Label < 4 ? "middle" : "high" }));

    /// <summary>A model of each task by one kind of network; each one's scores take the place of its label.</summary>
    private IEstimator<ITransformer> ChainOfEveryTask(NetworkKind network)
    {
        IEstimator<ITransformer> chain = _context.Transforms.NormalizeMinMax("Features").Append(_context.Transforms.Conversion.MapValueToKey("Multiclass"));
        foreach (var trainer in TrainerCase.All.Where(c => c.Network == network))
        {
            var label = $"{trainer.Task}";
            chain = chain.Append(trainer.Trainer(_context, o => o.LabelColumnName = label)).Append(_context.Transforms.CopyColumns(label, "Score"));
        }
        return chain;
    }

    private sealed record ScoreAnswer(int[] Bits, string[] Mapped);

    private sealed class EveryLabel : FeatureRow
    {
        public float Regression { get; set; }

        public bool Binary { get; set; }

        public string Multiclass { get; set; } = "";
    }
}
