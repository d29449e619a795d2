using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Deq.MLNet.Networks;
using Deq.MLNet.Trainers;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>A training that was stopped, and what comes of it with the same file.</summary>
public sealed class CheckpointTests : IDisposable
{
    private const int Epochs = 8;

    /// <summary>Bytes of a file before its head; the last four are its length.</summary>
    private const int HeaderSize = 16;

    private static readonly Dictionary<string, Action<NetworkTrainerOptions>> Ways = new()
    {
        ["Adam and dropout"] = o =>
        {
            if (o is DeqTrainerOptions deq)
            {
                deq.Dropout = 0.3f;
            }
            else
            {
                ((FnnTrainerOptions)o).Dropout = 0.3f;
            }
        },
        ["AdamW and a cosine, unshuffled"] = o => (o.Optimizer, o.WeightDecay, o.LearningRateSchedule, o.Shuffle) = (new AdamW(), 0.1f, LearningRateSchedule.Cosine().WithWarmUp(0.2f), false),
        ["Sgd with momentum and decay, Anderson"] = o =>
        {
            (o.Optimizer, o.WeightDecay) = (new Sgd(0.9f), 0.05f);
            (o as DeqTrainerOptions)?.Solver = new Anderson();
            (o as DeqTrainerOptions)?.GradientSolver = new Anderson();
        },
        ["one cycle, clipped, with the weights of rows and of classes"] = o =>
        {
            (o.LearningRateSchedule, o.GradientClip, o.ExampleWeightColumnName) = (LearningRateSchedule.OneCycle(), 0.5f, "Weight");
            if (o is not (DeqRegressionTrainer.Options or FnnRegressionTrainer.Options))
            {
                TrainerCase.SetClassWeights(o, ClassWeights.Balanced);
            }
        },
        ["a plateau, by validation rows"] = o => (o.LearningRateSchedule, o.ValidationFraction) = (LearningRateSchedule.ReduceOnPlateau(0.5f, 1, 0.6f), 0.3f),
        ["a hinge with Platt's numbers, or what the task has"] = o =>
        {
            o.ValidationFraction = 0.3f;
            (o as DeqBinaryTrainer.Options)?.Loss = BinaryLoss.Hinge;
            (o as FnnBinaryTrainer.Options)?.Loss = BinaryLoss.Hinge;
        },
        ["a warm start, a Jacobian penalty and iterates corrected"] = o =>
        {
            if (o is DeqTrainerOptions deq)
            {
                (deq.WarmStart, deq.JacobianPenalty, deq.FixedPointCorrection) = (true, new JacobianPenalty(0.3f, 2), new FixedPointCorrection());
            }
        },
        ["early stopping"] = o => (o.LearningRate, o.ValidationFraction, o.EarlyStopping) = (0.3f, 0.3f, new EarlyStopping(3, 0.4f)),
        ["early stopping that keeps the last weights"] = o => (o.LearningRate, o.ValidationFraction, o.EarlyStopping) = (0.3f, 0.3f, new EarlyStopping(3, 0.4f, restoreBest: false)),
    };

    /// <summary>For what is the same for every trainer.</summary>
    private static readonly TrainerCase Any = TrainerCase.Fnn;

    private readonly string _folder = Directory.CreateTempSubdirectory("checkpoint").FullName;

    private string Path => System.IO.Path.Combine(_folder, "training.state");

    public static TheoryData<TrainerCase, string, string> Cases()
    {
        var all = new TheoryData<TrainerCase, string, string>();
        foreach (var trainer in TrainerCase.All)
        {
            foreach (var way in Ways.Keys)
            {
                foreach (var device in Training.TrainingDevices.Names)
                {
                    all.Add(trainer, way, device);
                }
            }
        }
        return all;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_training_that_was_stopped_ends_with_the_weights_of_one_that_was_not(TrainerCase trainer, string way, string device)
    {
        void Set(NetworkTrainerOptions o)
        {
            (o.Epochs, o.Device) = (Epochs, device);
            Ways[way](o);
        }
        var rows = Rows();
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i].Weight = 0.5f + i % 3;
        }
        var whole = trainer.Fit(Set, rows).Model;
        whole.History.Epochs.Count.Should().BeGreaterThan(4);
        Stop(trainer, Set, 1, rows);
        Stop(trainer, Set, 4, rows);
        var seen = new List<int>();

        var resumed = trainer.Fit(o =>
        {
            Set(o);
            (o.Checkpoint, o.OnEpoch) = (new Checkpoint(Path), e => seen.Add(e.Epoch));
        }, rows).Model;

        seen.Should().Equal(Enumerable.Range(5, whole.History.Epochs.Count - 4));
        Same(resumed, whole);
    }

    [Theory, AllTrainers]
    public void A_training_that_was_cancelled_goes_on_after_the_last_epoch_written(TrainerCase trainer)
    {
        using var source = new CancellationTokenSource();
        // The third epoch is done but not written.
        FluentActions.Invoking(() => trainer.Fit(o =>
        {
            (o.Checkpoint, o.CancellationToken) = (new Checkpoint(Path, 2), source.Token);
            o.OnEpoch = e =>
            {
                if (e.Epoch == 3)
                {
                    source.Cancel();
                }
            };
        })).Should().Throw<OperationCanceledException>();
        var seen = new List<int>();

        var resumed = trainer.Fit(o => (o.Checkpoint, o.OnEpoch) = (new Checkpoint(Path, 2), e => seen.Add(e.Epoch))).Model;

        seen.Should().Equal(3, 4);
        Same(resumed, trainer.Fit().Model);
    }

    [Theory, AllTrainers]
    public void The_file_of_a_training_that_has_ended_gives_its_model_at_once(TrainerCase trainer)
    {
        var whole = trainer.Fit(o => o.Checkpoint = new Checkpoint(Path)).Model;
        var written = File.ReadAllBytes(Path);
        var context = new MLContext(1);
        var log = new TrainerLog(context);

        var again = trainer.Trainer(context, o => (o.Checkpoint, o.OnEpoch) = (new Checkpoint(Path), _ => throw new InvalidOperationException("An epoch was trained."))).Fit(trainer.View(context));

        Same(again.Model, whole);
        File.ReadAllBytes(Path).Should().Equal(written);
        log.Infos.Should().Contain("The checkpoint holds 4 of 4 epochs; training goes on from there.");
        Directory.GetFiles(_folder).Should().ContainSingle();
    }

    [Theory, AllTrainers]
    public void A_training_with_a_random_seed_goes_on_with_that_of_the_file(TrainerCase trainer)
    {
        AnyModel Seedless(Action<TrainingEpoch>? onEpoch = null)
        {
            var context = new MLContext();
            return trainer.Trainer(context, o => (o.Checkpoint, o.OnEpoch) = (new Checkpoint(Path), onEpoch)).Fit(trainer.View(context));
        }
        FluentActions.Invoking(() => Seedless(_ => throw new InvalidDataException())).Should().Throw<InvalidDataException>();

        var resumed = Seedless().Model;

        Same(resumed, trainer.Fit(o => o.Seed = resumed.History.Seed).Model);
    }

    [Theory, AllTrainers]
    public void A_training_goes_on_in_another_culture_and_with_another_number_of_threads(TrainerCase trainer)
    {
        Stop(trainer, _ => { }, 2);
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = new CultureInfo("de-DE");
        try
        {
            trainer.Fit(o => (o.Checkpoint, o.Threads) = (new Checkpoint(Path), 2)).Model.History.Epochs.Should().HaveCount(4);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory, AllTrainers]
    public void The_file_of_another_training_is_refused_and_stays(TrainerCase trainer)
    {
        var start = trainer.Fit().Model;
        Stop(trainer, _ => { }, 2);
        var written = File.ReadAllBytes(Path);
        void Refused(string difference, Action<NetworkTrainerOptions> set, IEnumerable<TrainerRow>? rows = null, bool validate = false, INetworkModel? initial = null)
        {
            var context = new MLContext(1);
            var made = trainer.Trainer(context, o =>
            {
                o.Checkpoint = new Checkpoint(Path);
                set(o);
            });
            FluentActions.Invoking(() => made.Fit(trainer.View(context, rows ?? Rows()), validate ? trainer.View(context, Rows(20)) : null, initial)).Should().Throw<DeqException>()
                .WithMessage($"The checkpoint {Path} is of another training, which differs in {difference}. Delete the file*");
        }

        Refused("Epochs (5 now, 4 in the file)", o => o.Epochs = 5);
        Refused("Optimizer (Sgd now, Adam in the file)", o => o.Optimizer = new Sgd());
        Refused("Seed (2 now, 1 in the file)", o => o.Seed = 2);
        Refused("the training rows", _ => { }, Rows().Reverse());
        Refused("the validation rows", _ => { }, validate: true);
        Refused("the model to start from", _ => { }, initial: start);
        File.ReadAllBytes(Path).Should().Equal(written);
    }

    [Theory, AllTrainers]
    public void A_training_from_a_given_model_goes_on_too(TrainerCase trainer)
    {
        var start = trainer.Fit().Model;
        INetworkModel From(Action<NetworkTrainerOptions> set)
        {
            var context = new MLContext(1);
            return trainer.Trainer(context, set).Fit(trainer.View(context, Rows(150, 3)), null, start).Model;
        }
        FluentActions.Invoking(() => From(o => (o.Checkpoint, o.OnEpoch) = (new Checkpoint(Path), _ => throw new InvalidDataException()))).Should().Throw<InvalidDataException>();

        Same(From(o => o.Checkpoint = new Checkpoint(Path)), From(_ => { }));
    }

    [Fact]
    public void A_file_that_was_cut_off_changed_or_is_none_at_all_is_refused_and_stays()
    {
        Stop(Any, _ => { }, 2);
        var whole = File.ReadAllBytes(Path);
        var changes = new List<byte[]> { Array.Empty<byte>(), "a text"u8.ToArray() };
        changes.AddRange(new[] { 1, 7, 8, 15, 16, 40, whole.Length / 2, whole.Length - 33, whole.Length - 1 }.Select(length => whole[..length]));
        changes.AddRange(new[] { 0, 9, 13, 60, whole.Length / 2, whole.Length - 40, whole.Length - 1 }.Select(at => whole.Select((b, i) => i == at ? (byte)(b ^ 1) : b).ToArray()));
        changes.Add([.. whole, 0]);
        foreach (var bytes in changes)
        {
            File.WriteAllBytes(Path, bytes);
            FluentActions.Invoking(() => Any.Fit(o => o.Checkpoint = new Checkpoint(Path))).Should().Throw<ModelFormatException>()
                .WithMessage($"{Path} is no whole checkpoint of a training: it*Delete it*");
            File.ReadAllBytes(Path).Should().Equal(bytes);
        }
    }

    [Fact]
    public void A_file_of_another_version_says_so()
    {
        Stop(Any, _ => { }, 2);
        var content = Content();
        Refused<ModelFormatException>([.. content[..8], 2, .. content[9..]], "*it is of version 2, and this Deq.MLNet reads version 1*Delete it*");
        Refused<ModelFormatException>(WithHead(content, "OptimizerSteps", "Steps"), "*another version of Deq.MLNet wrote it*Delete it*");
    }

    [Fact]
    public void A_file_of_a_library_of_another_version_or_with_other_settings_does_not_go_on()
    {
        Stop(Any, _ => { }, 2);
        var content = Content();
        void Other(string part, string instead, string difference) =>
            Refused<DeqException>(WithHead(content, part, instead), $"The checkpoint {Path} is of another training, which differs in {difference}. Delete the file*");

        Other("\"GradientClip\":\"null\",", "", "GradientClip (null now, absent in the file)");
        Other("\"GradientClip\"", "\"Clip\":\"3\",\"GradientClip\"", "Clip (absent now, 3 in the file)");
        Other("\"LibraryVersion\":\"[^,]*\"", "\"LibraryVersion\":\"0.9.0\"", $"LibraryVersion ({Library.Version} now, 0.9.0 in the file)");
    }

    [Theory]
    [InlineData("\"Epochs\":.{", "\"Epochs\":[null,{", "entry 1 of its epochs is null")]
    [InlineData("\"Epoch\":2", "\"Epoch\":7", "entry 2 of its epochs is *")]
    [InlineData("\"BestEpoch\":.", "\"BestEpoch\":3", "the best of 2 epochs is said to be 3")]
    [InlineData("\"BestEpoch\":.", "\"BestEpoch\":0", "the best of 2 epochs is said to be 0")]
    [InlineData("\"BestEpoch\":.", "\"BestEpoch\":null", "its * bytes of numbers are not 3 arrays of one length")]
    [InlineData("\"ValidationLoss\":[^,]*", "\"ValidationLoss\":null", "its best epoch, ?, has no validation loss")]
    [InlineData("\"OptimizerSteps\":", "\"OptimizerSteps\":-", "its optimizer has -* steps and 2 moments")]
    [InlineData("\"Moments\":2", "\"Moments\":-1", "its optimizer has * steps and -1 moments")]
    [InlineData("\"Moments\":2", "\"Moments\":2147483647", "its * bytes of numbers are not 2147483649 arrays of one length")]
    [InlineData("\"Moments\":2", "\"Moments\":0", "it has 98 weights with 0 moments each, where this training has 49 with 2")]
    [InlineData("\"Seed\":\"[^,]*,", "", "it has no seed")]
    [InlineData("\"Seed\":\"[^,]*\"", "\"Seed\":\"one\"", "it has no seed")]
    [InlineData("^.*$", "null", "another version of Deq.MLNet wrote it *")]
    public void A_head_that_is_impossible_under_a_checksum_that_fits_is_refused_as_damage(string part, string instead, string why)
    {
        // Without a seed, which the file then gives.
        void Fit()
        {
            var context = new MLContext();
            Any.Trainer(context, o => (o.Checkpoint, o.Epochs, o.ValidationFraction, o.EarlyStopping) = (new Checkpoint(Path), 2, 0.3f, new EarlyStopping())).Fit(Any.View(context));
        }
        Fit();
        Write(WithHead(Content(), part, instead));

        FluentActions.Invoking(Fit).Should().Throw<ModelFormatException>().WithMessage($"{Path} is no whole checkpoint of a training: {why}. Delete it*");
    }

    [Theory]
    [InlineData("-1", "it is said to keep -1 values of states in * bytes of numbers")]
    [InlineData("2147483647", "it is said to keep 2147483647 values of states in * bytes of numbers")]
    [InlineData("null", "it*")]
    [InlineData("1", "it*")]
    public void Impossible_states_of_rows_are_refused_as_damage(string length, string why)
    {
        void Fit()
        {
            var context = new MLContext(1);
            TrainerCase.Deq.Trainer(context, o => (o.Checkpoint, o.Epochs, ((DeqTrainerOptions)o).WarmStart) = (new Checkpoint(Path), 2, true)).Fit(TrainerCase.Deq.View(context));
        }
        Fit();
        Fit();
        Write(WithHead(Content(), "\"States\":[0-9]+", $"\"States\":{length}"));

        FluentActions.Invoking(Fit).Should().Throw<ModelFormatException>().WithMessage($"{Path} is no whole checkpoint of a training: {why}. Delete it*");
    }

    [Fact]
    public void Lengths_that_are_impossible_under_a_checksum_that_fits_are_refused_as_damage()
    {
        Stop(Any, _ => { }, 2);
        var content = Content();
        var rest = content.Length - HeaderSize;
        var numbers = rest - BitConverter.ToInt32(content, HeaderSize - sizeof(int));
        foreach (var length in new[] { -1, int.MinValue, int.MaxValue, rest + 1 })
        {
            Refused<ModelFormatException>([.. content[..(HeaderSize - sizeof(int))], .. BitConverter.GetBytes(length), .. content[HeaderSize..]], $"*its head is said to have {length} of {rest} bytes. Delete it*");
        }
        Refused<ModelFormatException>(content[..^4], $"*its {numbers - 4} bytes of numbers are not 3 arrays of one length. Delete it*");
        Refused<ModelFormatException>([.. content, 0], $"*its {numbers + 1} bytes of numbers are not 3 arrays of one length. Delete it*");
        Refused<ModelFormatException>(content[..^numbers], "*its 0 bytes of numbers are not 3 arrays of one length. Delete it*");
        Refused<ModelFormatException>(content[..^12], "*it has 48 weights with 2 moments each, where this training has 49 with 2. Delete it*");
        Refused<ModelFormatException>(WithHead([.. content, .. new byte[numbers / 3]], "\"Moments\":2", "\"Moments\":3"), "*it has 49 weights with 3 moments each, where this training has 49 with 2. Delete it*");
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_told_before_anything_is_trained()
    {
        var folder = Directory.CreateDirectory(System.IO.Path.Combine(_folder, "folder")).FullName;
        List<string> paths = [folder, System.IO.Path.Combine(_folder, "none", "file"), System.IO.Path.Combine(_folder, new string('n', 250))];
        if (OperatingSystem.IsLinux())
        {
            // Folders that even root cannot write to.
            paths.Add("/sys/file");
        }
        foreach (var path in paths)
        {
            FluentActions.Invoking(() => Any.Fit(o => (o.Checkpoint, o.OnEpoch) = (new Checkpoint(path, 1000), _ => throw new InvalidOperationException("An epoch was trained."))))
                .Should().Throw<IOException>().WithMessage($"No checkpoint can be kept, and nothing was trained. {path} cannot be written*Make a folder that can be written to, or name another file in Checkpoint.");
        }
        Directory.GetFileSystemEntries(_folder).Should().Equal(folder);
    }

    [Fact]
    public void A_relative_path_does_not_move_with_the_working_directory() => new Checkpoint("file").Path.Should().Be(System.IO.Path.GetFullPath("file"));

    [Fact]
    public void A_checkpoint_needs_a_path_and_a_positive_number_of_epochs()
    {
        FluentActions.Invoking(() => new Checkpoint("")).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => new Checkpoint("file", 0)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("everyEpochs is 0; it must be at least 1*");
        new Checkpoint("file").EveryEpochs.Should().Be(1);
    }

    /// <summary>Trains until an epoch is told, and there breaks off.</summary>
    private void Stop(TrainerCase trainer, Action<NetworkTrainerOptions> set, int epoch, IEnumerable<TrainerRow>? rows = null) => FluentActions.Invoking(() => trainer.Fit(o =>
    {
        set(o);
        o.Checkpoint = new Checkpoint(Path);
        o.OnEpoch = e =>
        {
            if (e.Epoch == epoch)
            {
                throw new InvalidDataException("enough");
            }
        };
    }, rows)).Should().Throw<InvalidDataException>();

    /// <summary>The file without its checksum.</summary>
    private byte[] Content() => File.ReadAllBytes(Path)[..^SHA256.HashSizeInBytes];

    /// <summary>Replaces the file by a content with its checksum.</summary>
    private void Write(byte[] content) => File.WriteAllBytes(Path, [.. content, .. SHA256.HashData(content)]);

    /// <summary>The content with a part of its head, given as a pattern, exchanged.</summary>
    private static byte[] WithHead(byte[] content, string part, string instead)
    {
        var end = HeaderSize + BitConverter.ToInt32(content, HeaderSize - sizeof(int));
        var text = Encoding.UTF8.GetString(content[HeaderSize..end]);
        text.Should().MatchRegex(part);
        var head = Encoding.UTF8.GetBytes(Regex.Replace(text, part, instead));
        return [.. content[..(HeaderSize - sizeof(int))], .. BitConverter.GetBytes(head.Length), .. head, .. content[end..]];
    }

    private void Refused<T>(byte[] content, string message) where T : Exception
    {
        Write(content);
        FluentActions.Invoking(() => Any.Fit(o => o.Checkpoint = new Checkpoint(Path))).Should().ThrowExactly<T>().WithMessage(message);
    }

    private static void Same(INetworkModel model, INetworkModel expected)
    {
        model.Network.Weights().Bits().Should().Equal(expected.Network.Weights().Bits());
        model.History.Epochs.Select(e => e with { Seconds = 0 }).Should().Equal(expected.History.Epochs.Select(e => e with { Seconds = 0 }));
        (model.History with { Epochs = [] }).Should().BeEquivalentTo(expected.History with { Epochs = [] });
        model.Equilibrium.Should().BeEquivalentTo(expected.Equilibrium);
        (model as NetworkBinaryModelParameters)?.Calibration.Should().Be(((NetworkBinaryModelParameters)expected).Calibration);
    }
}
