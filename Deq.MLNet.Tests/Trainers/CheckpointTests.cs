using System.Globalization;
using Deq.MLNet.Trainers;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>A training that was stopped, and what comes of it with the same file.</summary>
public sealed class CheckpointTests : StoppedTraining
{
    private const int Epochs = 8;

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

    public static TheoryData<TrainerCase, string, string> Cases()
    {
        var all = new TheoryData<TrainerCase, string, string>();
        foreach (var trainer in TrainerCase.All.Concat(TrainerCase.OnTorch))
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

    [Theory, Training.AmongDevices]
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
        Directory.GetFiles(Folder).Should().ContainSingle();
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
    public void A_file_that_cannot_be_written_is_told_before_anything_is_trained()
    {
        var folder = Directory.CreateDirectory(System.IO.Path.Combine(Folder, "folder")).FullName;
        List<string> paths = [folder, System.IO.Path.Combine(Folder, "none", "file"), System.IO.Path.Combine(Folder, new string('n', 250))];
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
        Directory.GetFileSystemEntries(Folder).Should().Equal(folder);
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

    private static void Same(INetworkModel model, INetworkModel expected)
    {
        model.Network.Weights().Bits().Should().Equal(expected.Network.Weights().Bits());
        model.History.Epochs.Select(e => e with { Seconds = 0 }).Should().Equal(expected.History.Epochs.Select(e => e with { Seconds = 0 }));
        (model.History with { Epochs = [] }).Should().BeEquivalentTo(expected.History with { Epochs = [] });
        model.Equilibrium.Should().BeEquivalentTo(expected.Equilibrium);
        (model as NetworkBinaryModelParameters)?.Calibration.Should().Be(((NetworkBinaryModelParameters)expected).Calibration);
    }
}
