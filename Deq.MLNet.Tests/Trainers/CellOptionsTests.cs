using Deq.MLNet.Tests.Storage;
using Deq.MLNet.Trainers;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>Trainers of networks with encoder, skip connection and other cells: what they make is kept, exported and trained on, and is not mistaken for another.</summary>
public sealed class CellOptionsTests : IDisposable
{
    private static readonly Dictionary<string, Action<DeqTrainerOptions>> Forms = new()
    {
        // Plain iteration, which an export unrolls, must settle: no rule says that it does.
        ["normalised"] = o => (o.Cell, o.Solver, o.WellPosedness) = (DeqCell.LayerNormalized, new Picard(), WellPosedness.Spectral(0.3f)),
        ["skip"] = o => o.SkipConnection = true,
        ["encoder"] = o => o.EncoderSizes = [6, 5],
        ["all"] = o => (o.Cell, o.SkipConnection, o.EncoderSizes, o.Activation, o.Solver, o.WellPosedness) = (DeqCell.LayerNormalized, true, [5], Activation.GELU, new Picard(), WellPosedness.Spectral(0.3f)),
        ["diagonal"] = o => o.Cell = DeqCell.DiagonalLinear,
    };

    private readonly MLContext _context = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("deq-cells-").FullName;

    public static TheoryData<string> Names => [.. Forms.Keys];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_model_is_saved_scored_exported_and_trained_on(string form)
    {
        foreach (var trainer in TrainerCase.All.Where(t => t.IsDeq && (form != "diagonal" || t.Outputs == 1)))
        {
            var data = trainer.View(_context);
            void Set(NetworkTrainerOptions o) => Forms[form]((DeqTrainerOptions)o);
            var model = trainer.Fit(o => Set(With(o, 15, 0.02f)));
            var network = (DeqNetwork)model.Model.Network;

            Present(network).Should().Be(form);
            var expected = network.Reference(Rows(50, 2));
            model.Scores(trainer.View(_context, Rows(50, 2))).LargestDifference(expected).Should().BeLessThan(1e-4 * (1 + expected.Max(Math.Abs)));
            model.Model.History.Epochs[^1].TrainingLoss.Should().BeLessThan(0.8 * model.Model.History.Epochs[0].TrainingLoss);
            SameBits.Assert(((AnyModel)model.SavedAndLoaded(data.Schema)).Model.Network, network);
            _context.Model.SaveOnnx(model, data.Schema, Path.Combine(_folder, $"{form}.onnx"), new OnnxExportOptions { MaxError = 1e-3 }).Bytes.Should().BePositive();

            var still = trainer.Trainer(_context, o => Set(With(o, 1, 1e-12f))).Fit(data, null, model.Model);
            still.Scores(trainer.View(_context, Rows(50, 2))).LargestDifference(expected).Should().BeLessThan(1e-3 * (1 + expected.Max(Math.Abs)));
            foreach (var (other, change) in Forms.Where(f => f.Key != form && f.Key != "all"))
            {
                FluentActions.Invoking(() => trainer.Trainer(_context, o => { o.Epochs = 1; ((DeqTrainerOptions)o).Activation = network.Activation; change((DeqTrainerOptions)o); }).Fit(data, null, model.Model))
                    .Should().Throw<DeqException>().WithMessage("The model to start from has *; this trainer is set to *", "of {0} by {1}", form, other);
            }
        }
    }

    [Fact]
    public void A_file_of_a_training_with_other_parts_is_refused_by_the_options_name()
    {
        var path = Path.Combine(_folder, "training.state");
        void Fit(Action<DeqTrainerOptions> set) => TrainerCase.Deq.Fit(o => { (o.Epochs, o.Seed, o.Checkpoint) = (1, 1, new Checkpoint(path)); set((DeqTrainerOptions)o); });
        void Refused(string difference, Action<DeqTrainerOptions> set) =>
            FluentActions.Invoking(() => Fit(set)).Should().Throw<DeqException>().WithMessage($"The checkpoint {path} is of another training, which differs in {difference}. Delete the file*");
        Fit(_ => { });

        Refused("EncoderSizes (*4, 3*)", o => o.EncoderSizes = [4, 3]);
        Refused("SkipConnection (*)", o => o.SkipConnection = true);
        Refused("Cell (*LayerNormalized*)", o => o.Cell = DeqCell.LayerNormalized);
        Refused("Initialization (Orthogonal now, Gaussian in the file)", o => o.Initialization = Initialization.Orthogonal());
        Refused("Initialization.Scale (*0.7*)", o => o.Initialization = Initialization.Gaussian(0.7f));
        Refused("the model to start from", o => o.InitialNetwork = TrainerCase.Deq.Fit().Model.Network);
    }

    [Theory, AllTrainers]
    public void InitialNetwork_is_where_training_starts_and_gives_way_to_a_model(TrainerCase trainer)
    {
        var (first, second) = (trainer.Fit(o => o.Epochs = 10).Model, trainer.Fit(o => (o.Epochs, o.Seed) = (10, 9)).Model);
        var data = trainer.View(_context);
        var still = trainer.Trainer(_context, o => With(o, 1, 1e-12f).InitialNetwork = first.Network);
        float[] Scores(INetworkModel? start) => still.Fit(data, null, start).Scores(trainer.View(_context, Rows(50, 2)));

        Close(Scores(null), first.Network);
        Close(Scores(second), second.Network);
        FluentActions.Invoking(() => trainer.Trainer(_context, o => o.InitialNetwork = trainer.OfOtherNetwork.Fit().Model.Network).Fit(data)).Should().Throw<DeqException>().WithMessage("The model to start from is a *");

        void Close(float[] scores, Network network)
        {
            var expected = network.Reference(Rows(50, 2));
            scores.LargestDifference(expected).Should().BeLessThan(1e-3 * expected.Max(Math.Abs));
        }
    }

    [Theory]
    [InlineData(Activation.Tanh)]
    [InlineData(Activation.GELU)]
    public void A_diagonal_linear_cell_is_judged_by_the_identity_and_not_by_the_activation_that_it_ignores(Activation activation)
    {
        foreach (var (rule, solver) in new (WellPosedness, FixedPointSolver)[] { (WellPosedness.Spectral(), new Newton()), (WellPosedness.Diagonal(), new ForwardSubstitution()), (WellPosedness.Monotone(), new Auto()) })
        {
            var model = TrainerCase.Deq.Fit(options =>
            {
                var o = (DeqTrainerOptions)options;
                (o.Cell, o.Activation, o.WellPosedness, o.Solver, o.Epochs) = (DeqCell.DiagonalLinear, activation, rule, solver, 1);
            });
            ((DeqNetwork)model.Model.Network).Activation.Should().Be(Activation.Identity);
        }
    }

    [Fact]
    public void A_diagonal_linear_cell_refuses_more_than_two_classes() =>
        FluentActions.Invoking(() => TrainerCase.Of(NetworkKind.Deq, TrainerTask.Multiclass).Fit(o => ((DeqTrainerOptions)o).Cell = DeqCell.DiagonalLinear))
            .Should().Throw<DeqException>().WithMessage("A diagonal linear cell has one output; 3 classes need as many*");

    private static NetworkTrainerOptions With(NetworkTrainerOptions options, int epochs, float rate)
    {
        (options.Epochs, options.LearningRate) = (epochs, rate);
        return options;
    }

    private static string Present(DeqNetwork network) => (network.IsDiagonalLinear, network.Gain.Length > 0, network.S.Length > 0, network.Encoder.Count) switch
    {
        (true, _, _, _) => "diagonal",
        (_, true, true, 1) => "all",
        (_, true, false, 0) => "normalised",
        (_, false, true, 0) => "skip",
        (_, false, false, 2) => "encoder",
        var other => $"{other}",
    };
}
