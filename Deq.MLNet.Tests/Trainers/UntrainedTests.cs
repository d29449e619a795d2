using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>Epochs of 0: a network becomes a model as it is.</summary>
public sealed class UntrainedTests
{
    private readonly MLContext _context = new(1);

    [Theory, AllTrainers]
    public void The_network_given_is_the_model_bit_for_bit_and_scores_and_saves(TrainerCase trainer)
    {
        var network = trainer.Fit().Model.Network;

        var fitted = trainer.Trainer(_context, o => (o.Epochs, o.InitialNetwork) = (0, network)).Fit(trainer.View(_context), null);

        fitted.Model.Network.Weights().Should().Equal(network.Weights());
        fitted.Model.History.Should().Match<TrainingHistory>(h => h.Epochs.Count == 0 && h.BestEpoch == 0 && h.Engine == Engine.Auto && h.Device == "cpu");
        (fitted.Model.Network is DeqNetwork).Should().Be(fitted.Model.Equilibrium is not null);
        var scores = fitted.Scores(Rows(20, 3));
        scores.LargestDifference(network.Reference(Rows(20, 3))).Should().BeLessThan(1e-4);
        using var stream = new MemoryStream();
        _context.Model.Save(fitted, null, stream);
        stream.Position = 0;
        _context.Model.Load(stream, out _).Scores(trainer.View(_context, Rows(20, 3))).Bits().Should().Equal(scores.Bits());
    }

    [Fact]
    public void A_model_that_is_given_to_Fit_does_as_well()
    {
        var model = TrainerCase.Deq.Fit().Model;
        TrainerCase.Deq.Trainer(_context, o => o.Epochs = 0).Fit(_context.View(Rows()), null, model).Model.Network.Weights().Should().Equal(model.Network.Weights());
    }

    [Fact]
    public void A_breach_of_the_rule_is_refused_without_a_warning_of_a_projection()
    {
        var network = TrainerCase.Deq.Fit().Model.Network;
        var log = new TrainerLog(_context);
        FluentActions.Invoking(() => TrainerCase.Deq.Trainer(_context, o => (o.Epochs, o.InitialNetwork, ((DeqTrainerOptions)o).WellPosedness) = (0, network, WellPosedness.Spectral(0.01f))).Fit(_context.View(Rows()), null))
            .Should().Throw<DeqException>();
        log.Warnings.Should().BeEmpty();
    }

    [Fact]
    public void What_cannot_stay_as_it_is_is_refused()
    {
        var network = TrainerCase.Deq.Fit().Model.Network;
        void Refused(string message, Action<DeqTrainerOptions> set) => FluentActions.Invoking(() => TrainerCase.Deq.Trainer(_context, o =>
        {
            o.Epochs = 0;
            set((DeqTrainerOptions)o);
        }).Fit(_context.View(Rows()), null)).Should().Throw<DeqException>().WithMessage(message);

        Refused("Epochs is 0, which takes the network of InitialNetwork*neither is there*", _ => { });
        Refused("Epochs is 0*no units are added*8 in its layers*", o => (o.InitialNetwork, o.HiddenSize) = (network, 9));
        Refused("Epochs is 0, so that the network stays as it is, and it breaks this trainer's rule.*", o => (o.InitialNetwork, o.WellPosedness) = (network, WellPosedness.Spectral(0.01f)));
        Refused("Epochs is 0, so that the network stays as it is, and it has a row of weights*above MaxWeightNorm 0.01.*", o => (o.InitialNetwork, o.MaxWeightNorm) = (network, 0.01f));
        TrainerCase.Deq.Trainer(_context, o => (o.Epochs, o.InitialNetwork, ((DeqTrainerOptions)o).WellPosedness) = (0, network, WellPosedness.None)).Fit(_context.View(Rows()), null)
            .Model.Network.Weights().Should().Equal(network.Weights());
    }
}
