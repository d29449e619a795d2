using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class WarmStartTests
{
    private readonly MLContext _context = new(1);

    [Theory, AllTrainers]
    public void A_model_to_start_from_is_where_training_starts_even_on_rows_of_another_scale(TrainerCase trainer)
    {
        var model = trainer.Fit(o => o.Epochs = 20).Model;
        var rows = Rows(100, 5);
        foreach (var row in rows)
        {
            row.Features = [.. row.Features.Select((x, i) => 10 * x + 7 * i)];
            row.Label = trainer.IsRegression ? 1000 * row.Label - 50 : row.Label;
        }
        var still = trainer.Trainer(_context, o => (o.Epochs, o.LearningRate) = (1, 1e-12f));

        var onNewRows = still.Fit(trainer.View(_context, rows), null, model);
        var withValidation = still.Fit(trainer.View(_context, rows), trainer.View(_context, Rows(20, 6)), model);

        foreach (var probe in new[] { Rows(50, 7), rows })
        {
            var expected = model.Network.Reference(probe);
            var scores = onNewRows.Scores(probe);
            scores.LargestDifference(expected).Should().BeLessThan(1e-3 * expected.Max(Math.Abs));
            withValidation.Scores(probe).Bits().Should().Equal(scores.Bits());
        }
        var loss = trainer.MeanLoss(model.Network, rows);
        onNewRows.Model.History.Epochs[0].TrainingLoss.Should().BeApproximately(loss, 1e-3 * loss);
        still.Fit(trainer.View(_context, rows), null).Scores(rows).Should().NotEqual(onNewRows.Scores(rows));
    }

    [Theory, AllTrainers]
    public void Training_that_goes_on_from_a_model_makes_its_loss_smaller(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var first = trainer.Trainer(_context).Fit(data).Model;

        var second = trainer.Trainer(_context, o => o.Epochs = 20).Fit(data, null, first).Model;

        trainer.MeanLoss(second.Network, Rows()).Should().BeLessThan(0.9 * trainer.MeanLoss(first.Network, Rows()));
        second.History.Epochs[0].TrainingLoss.Should().BeLessThan(first.History.Epochs[0].TrainingLoss);
    }

    [Fact]
    public void A_start_that_breaks_the_rule_is_scaled_down_and_told()
    {
        var wide = TrainerCase.Deq.Fit(o => (o.Epochs, ((DeqTrainerOptions)o).WellPosedness) = (60, WellPosedness.Spectral(0.95f))).Model;
        var factor = ((DeqNetwork)wide.Network).Certificate.ContractionFactor;
        var log = new TrainerLog(_context);
        DeqNetwork StartUnder(float bound) => (DeqNetwork)TrainerCase.Deq
            .Trainer(_context, o => (o.Epochs, o.LearningRate, ((DeqTrainerOptions)o).WellPosedness) = (1, 1e-12f, WellPosedness.Spectral(bound)))
            .Fit(_context.View(Rows()), null, wide).Model.Network;

        StartUnder(0.99f).Certificate.ContractionFactor.Should().BeApproximately(factor, 1e-5);
        log.Warnings.Should().BeEmpty();

        StartUnder(0.2f).Certificate.ContractionFactor.Should().BeLessThanOrEqualTo(0.2).And.BeLessThan(factor);
        log.Warnings.Should().ContainSingle(w => w.Contains("contraction factor") && w.Contains("Spectral(0.2)"));
    }

    /// <summary>The projection's bound on the norm lies a little above it: a start just inside its rule was scaled down.</summary>
    [Fact]
    public void A_start_just_inside_its_rule_stays_as_it_is()
    {
        var model = TrainerCase.Deq.Fit(o => o.Epochs = 20).Model;
        var network = (DeqNetwork)model.Network;
        var bound = (float)(network.Certificate.ContractionFactor * 1.0001);
        var architecture = new Deq.MLNet.Training.DeqArchitecture(network.StateSize, network.Activation, WellPosedness.Spectral(bound), new Picard(), new Picard(), new Tolerance(1e-4), 200, new EquilibriumSettings());
        using var engine = new Deq.MLNet.Training.Torch.TorchEngine(Training.Setup.Settings(architecture), architecture.Adopt(network), Deq.MLNet.Training.Torch.TensorPlace.On(TorchBackend.EnsureAvailable()));

        ((DeqNetwork)engine.ToNetwork()).W.ToArray().Should().Equal(network.W.ToArray());
    }

    [Theory, AllTrainers]
    public void A_start_of_another_shape_names_the_option(TrainerCase trainer)
    {
        var model = trainer.Fit().Model;
        var data = trainer.View(_context);
        void Refused(TrainerCase by, Action<NetworkTrainerOptions> change, string message, IDataView? other = null) =>
            FluentActions.Invoking(() => by.Trainer(_context, change).Fit(other ?? data, null, model)).Should().Throw<DeqException>().WithMessage(message);

        if (trainer.IsDeq)
        {
            Refused(trainer, o => ((DeqTrainerOptions)o).HiddenSize = 7, "*HiddenSize 8*set to 7*");
            Refused(trainer, o => ((DeqTrainerOptions)o).Activation = Activation.Tanh, "*Activation ReLU*set to Tanh*");
            Refused(trainer.OfOtherNetwork, _ => { }, "*is a DeqNetwork*Use the trainer that made the model*");
        }
        else
        {
            Refused(trainer, o => ((FnnTrainerOptions)o).HiddenSizes = [7, 3], "*HiddenSizes 8*set to 7, 3*");
            Refused(trainer, o => ((FnnTrainerOptions)o).Activation = Activation.Tanh, "*Activation ReLU*set to Tanh*");
            Refused(trainer.OfOtherNetwork, _ => { }, "*is a FnnNetwork*Use the trainer that made the model*");
        }
        Refused(trainer, _ => { }, "*4 features*5*", _context.Transforms.Concatenate("Features", "Features", "Weight").Fit(data).Transform(data));
    }
}
