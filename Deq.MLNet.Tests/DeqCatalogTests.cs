using Deq.MLNet.Tests.Trainers;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests;

public sealed class DeqCatalogTests
{
    private readonly MLContext _context = new(1);

    [Fact]
    public void The_short_overloads_are_the_options_of_the_same_values()
    {
        var data = _context.View(Rows(60));
        var deq = _context.Regression.Trainers.Deq("Label", "Features", "Weight", hiddenSize: 5, epochs: 2, learningRate: 0.02f).Fit(data);
        var fnn = _context.Regression.Trainers.Fnn("Label", "Features", "Weight", hiddenSizes: [5, 3], epochs: 2, learningRate: 0.02f).Fit(data);

        deq.Scores(data).Bits().Should().Equal(_context.Regression.Trainers.Deq(new DeqRegressionTrainer.Options
        {
            ExampleWeightColumnName = "Weight",
            HiddenSize = 5,
            Epochs = 2,
            LearningRate = 0.02f,
        }).Fit(data).Scores(data).Bits());
        fnn.Scores(data).Bits().Should().Equal(_context.Regression.Trainers.Fnn(new FnnRegressionTrainer.Options
        {
            ExampleWeightColumnName = "Weight",
            HiddenSizes = [5, 3],
            Epochs = 2,
            LearningRate = 0.02f,
        }).Fit(data).Scores(data).Bits());
        ((FnnNetwork)_context.Regression.Trainers.Fnn(epochs: 1).Fit(data).Model.Network).Layers.Select(l => l.OutputSize).Should().Equal(64, 64, 1);
    }

    [Fact]
    public void Null_options_are_named()
    {
        FluentActions.Invoking(() => _context.Regression.Trainers.Deq((DeqRegressionTrainer.Options)null!)).Should().Throw<ArgumentNullException>().WithParameterName("options");
        FluentActions.Invoking(() => _context.Regression.Trainers.Fnn((FnnRegressionTrainer.Options)null!)).Should().Throw<ArgumentNullException>().WithParameterName("options");
    }

    [Fact]
    public void Column_names_that_are_empty_are_refused_when_the_trainer_is_made()
    {
        FluentActions.Invoking(() => _context.Regression.Trainers.Deq(labelColumnName: "")).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => _context.Regression.Trainers.Fnn(featureColumnName: null!)).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void The_range_is_named_by_the_short_overloads_too() =>
        FluentActions.Invoking(() => _context.Regression.Trainers.Deq(hiddenSize: 0)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("HiddenSize is 0; it must be at least 1.*");
}
