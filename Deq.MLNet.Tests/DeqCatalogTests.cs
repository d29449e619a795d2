using Deq.MLNet.Tests.Trainers;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests;

public sealed class DeqCatalogTests
{
    private readonly MLContext _context = new(1);

    /// <summary>The short overload of a trainer, with a value for every parameter.</summary>
    private AnyTrainer Short(TrainerCase trainer) => (trainer.Network, trainer.Task) switch
    {
        (NetworkKind.Deq, TrainerTask.Regression) => _context.Regression.Trainers.Deq("Label", "Features", "Weight", hiddenSize: 5, epochs: 2, learningRate: 0.02f),
        (NetworkKind.Deq, TrainerTask.Binary) => _context.BinaryClassification.Trainers.Deq("Label", "Features", "Weight", hiddenSize: 5, epochs: 2, learningRate: 0.02f),
        (NetworkKind.Deq, TrainerTask.Multiclass) => _context.MulticlassClassification.Trainers.Deq("Label", "Features", "Weight", hiddenSize: 5, epochs: 2, learningRate: 0.02f),
        (NetworkKind.Fnn, TrainerTask.Regression) => _context.Regression.Trainers.Fnn("Label", "Features", "Weight", hiddenSizes: [5, 3], epochs: 2, learningRate: 0.02f),
        (NetworkKind.Fnn, TrainerTask.Binary) => _context.BinaryClassification.Trainers.Fnn("Label", "Features", "Weight", hiddenSizes: [5, 3], epochs: 2, learningRate: 0.02f),
        _ => _context.MulticlassClassification.Trainers.Fnn("Label", "Features", "Weight", hiddenSizes: [5, 3], epochs: 2, learningRate: 0.02f),
    };

    [Theory, AllTrainers]
    public void The_short_overloads_are_the_options_of_the_same_values(TrainerCase trainer)
    {
        var rows = Rows(60);
        rows[0].Weight = 7;
        var data = trainer.View(_context, rows);
        var byOptions = trainer.Trainer(_context, o =>
        {
            (o.ExampleWeightColumnName, o.Epochs, o.LearningRate, o.Threads) = ("Weight", 2, 0.02f, null);
            if (o is DeqTrainerOptions deq)
            {
                deq.HiddenSize = 5;
            }
            else
            {
                ((FnnTrainerOptions)o).HiddenSizes = [5, 3];
            }
        });

        Short(trainer).Fit(data).Scores(data).Bits().Should().Equal(byOptions.Fit(data).Scores(data).Bits());
    }

    [Fact]
    public void The_short_overloads_have_the_defaults_of_the_options()
    {
        var data = _context.View(Rows(60));
        ((FnnNetwork)_context.Regression.Trainers.Fnn(epochs: 1).Fit(data).Model.Network).Layers.Select(l => l.OutputSize).Should().Equal(64, 64, 1);
        ((DeqNetwork)_context.Regression.Trainers.Deq(epochs: 1).Fit(data).Model.Network).StateSize.Should().Be(64);
    }

    [Fact]
    public void Null_options_are_named()
    {
        foreach (var make in new Action[]
        {
            () => _context.Regression.Trainers.Deq((DeqRegressionTrainer.Options)null!),
            () => _context.Regression.Trainers.Fnn((FnnRegressionTrainer.Options)null!),
            () => _context.BinaryClassification.Trainers.Deq((DeqBinaryTrainer.Options)null!),
            () => _context.BinaryClassification.Trainers.Fnn((FnnBinaryTrainer.Options)null!),
            () => _context.MulticlassClassification.Trainers.Deq((DeqMulticlassTrainer.Options)null!),
            () => _context.MulticlassClassification.Trainers.Fnn((FnnMulticlassTrainer.Options)null!),
        })
        {
            make.Should().Throw<ArgumentNullException>().WithParameterName("options");
        }
    }

    [Theory, AllTrainers]
    public void Column_names_that_are_empty_are_refused_when_the_trainer_is_made(TrainerCase trainer)
    {
        FluentActions.Invoking(() => trainer.Trainer(_context, o => o.LabelColumnName = "")).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => trainer.Trainer(_context, o => o.FeatureColumnName = null!)).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void The_range_is_named_by_the_short_overloads_too() =>
        FluentActions.Invoking(() => _context.Regression.Trainers.Deq(hiddenSize: 0)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("HiddenSize is 0; it must be at least 1.*");
}
