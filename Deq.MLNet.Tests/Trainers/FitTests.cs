using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class FitTests
{
    private readonly MLContext _context = new(1);

    [Theory, AllTrainers]
    public void Validation_rows_are_reported_and_leave_the_training_as_it_is(TrainerCase trainer)
    {
        var (data, validation) = (trainer.View(_context), trainer.View(_context, Rows(50, 2)));
        var with = trainer.Trainer(_context).Fit(data, validation).Model;
        var without = trainer.Trainer(_context).Fit(data).Model;

        with.History.Epochs.Should().OnlyContain(e => e.ValidationLoss > 0);
        without.History.Epochs.Should().OnlyContain(e => e.ValidationLoss == null);
        with.Network.Weights().Bits().Should().Equal(without.Network.Weights().Bits());
        var loss = trainer.MeanLoss(with.Network, Rows(50, 2));
        with.History.Epochs[^1].ValidationLoss.Should().BeApproximately(loss, 1e-3 * loss, "it is the loss of the model, in units of the label");
    }

    [Theory, AllTrainers]
    public void Early_stopping_keeps_the_weights_of_the_best_epoch(TrainerCase trainer)
    {
        var model = trainer.Trainer(_context, o => (o.Epochs, o.LearningRate, o.EarlyStopping) = (60, 0.2f, new EarlyStopping(patience: 3)))
            .Fit(trainer.View(_context), trainer.View(_context, Rows(50, 2))).Model;

        var history = model.History;
        history.Epochs.Count.Should().Be(history.BestEpoch + 3).And.BeLessThan(60);
        history.Epochs.MinBy(e => e.ValidationLoss)!.Epoch.Should().Be(history.BestEpoch);
        var loss = trainer.MeanLoss(model.Network, Rows(50, 2));
        loss.Should().BeApproximately(history.Epochs[history.BestEpoch - 1].ValidationLoss!.Value, 1e-3 * loss);
        loss.Should().BeLessThan(0.999 * history.Epochs[^1].ValidationLoss!.Value);
    }

    [Theory, AllTrainers]
    public void A_share_of_the_rows_is_held_out(TrainerCase trainer)
    {
        var log = new TrainerLog(_context);
        var model = trainer.Trainer(_context, o => o.ValidationFraction = 0.25f).Fit(trainer.View(_context)).Model;

        log.Infos.Should().Contain("Training with Simd on cpu: 200 rows, 4 features, a share of 0.25 held out for validation, seed 1.");
        model.History.Epochs.Should().OnlyContain(e => e.ValidationLoss > 0);
        model.Equilibrium?.Rows.Should().Be(150);
        FluentActions.Invoking(() => trainer.Trainer(_context, o => o.ValidationFraction = 0.001f).Fit(trainer.View(_context)))
            .Should().Throw<DeqException>().WithMessage("ValidationFraction 0.001 of 200 rows leaves 200 to train on and 0 to validate on*");
    }

    [Theory, AllTrainers]
    public void Early_stopping_without_validation_rows_says_what_to_set(TrainerCase trainer) =>
        FluentActions.Invoking(() => trainer.Trainer(_context, o => o.EarlyStopping = new EarlyStopping()).Fit(trainer.View(_context)))
            .Should().Throw<DeqException>().WithMessage("EarlyStopping needs validation rows: set ValidationFraction*");

    [Theory, AllTrainers]
    public void A_row_of_weight_two_counts_as_the_row_twice(TrainerCase trainer)
    {
        var heavy = Rows();
        foreach (var row in heavy[..50])
        {
            row.Weight = 2;
        }
        TrainerRow[] twice = [.. Rows(), .. Rows()[..50]];
        void FullBatch(NetworkTrainerOptions o) => (o.BatchSize, o.Epochs) = (1000, 30);

        var weighted = trainer.Fit(o => { FullBatch(o); o.ExampleWeightColumnName = "Weight"; }, heavy).Scores(heavy);
        var repeated = trainer.Fit(FullBatch, twice).Scores(heavy);
        var plain = trainer.Fit(FullBatch, heavy).Scores(heavy);

        weighted.LargestDifference(repeated).Should().BeLessThan(1e-4 * repeated.Max(Math.Abs));
        weighted.LargestDifference(plain).Should().BeGreaterThan(1e-3 * repeated.Max(Math.Abs));
    }

    /// <summary>Platt's targets once took sums of weights for numbers of rows: weights that sum to 1 gave a log-loss worse than a coin's.</summary>
    [Theory, AllTrainers]
    public void The_unit_of_the_weights_means_nothing(TrainerCase trainer)
    {
        int[] Scores(float unit)
        {
            TrainerRow[] Weighted(TrainerRow[] rows) => [.. rows.Select((r, i) => new TrainerRow { Features = r.Features, Label = r.Label, Weight = unit * (1 + i % 3) })];
            var model = trainer.Trainer(_context, o =>
            {
                o.ExampleWeightColumnName = "Weight";
                if (trainer.Task == TrainerTask.Binary)
                {
                    TrainerCase.SetLoss(o, BinaryLoss.Hinge);
                }
            }).Fit(trainer.View(_context, Weighted(Rows())), trainer.View(_context, Weighted(Rows(100, 2))));
            return model.Scores(trainer.View(_context, Rows(50, 3)), trainer.Task == TrainerTask.Binary ? "Probability" : "Score").Bits();
        }
        var expected = Scores(1);

        foreach (var exponent in new[] { -20, 5, 124, -140 }) // 2^126 and twice that sum to more than float32 holds
        {
            Scores(MathF.ScaleB(1, exponent)).Should().Equal(expected, "a power of two is exact");
        }
    }

    [Theory, AllTrainers]
    public void Rows_that_cannot_be_used_are_skipped_without_a_trace_and_counted_in_a_warning(TrainerCase trainer)
    {
        var rows = Rows();
        (rows[3].Weight, rows[50].Weight, rows[51].Weight, rows[52].Weight) = (0, -1, float.NaN, float.PositiveInfinity);
        (rows[100].Features[2], rows[101].Features[0]) = (float.NaN, float.PositiveInfinity);
        List<int> bad = [3, 50, 51, 52, 100, 101];
        if (trainer.Task != TrainerTask.Binary) // which has no missing label
        {
            (rows[7].Label, rows[8].Label) = (float.NaN, float.NegativeInfinity);
            bad.AddRange([7, 8]);
        }
        var log = new TrainerLog(_context);

        var model = trainer.Trainer(_context, o => o.ExampleWeightColumnName = "Weight").Fit(trainer.View(_context, rows));

        var clean = trainer.Fit(o => o.ExampleWeightColumnName = "Weight", rows.Where((_, i) => !bad.Contains(i)));
        model.Model.Network.Weights().Bits().Should().Equal(clean.Model.Network.Weights().Bits());
        log.Warnings.Should().ContainSingle().Which.Should().StartWith($"Skipped {bad.Count} of 200 training rows");
    }

    [Theory, AllTrainers]
    public void The_same_seed_gives_the_same_weights_bit_for_bit(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        int[] Weights(MLContext context, Action<NetworkTrainerOptions>? change = null) => trainer.Trainer(context, change).Fit(data).Model.Network.Weights().Bits();
        var one = trainer.Trainer(_context, o => o.Seed = 5);
        var expected = one.Fit(data).Model.Network.Weights().Bits();

        one.Fit(data).Model.Network.Weights().Bits().Should().Equal(expected, "a second fit of one trainer");
        Weights(new MLContext(), o => o.Seed = 5).Should().Equal(expected, "another trainer and another context");
        Weights(new MLContext(5)).Should().Equal(expected, "the seed of the context");
        Weights(new MLContext(5), o => o.Seed = 6).Should().NotEqual(expected, "the option goes before the context");
        Weights(new MLContext(6)).Should().NotEqual(expected);
    }

    [Theory, AllTrainers]
    public void A_random_seed_is_recorded_and_gives_the_same_weights_again(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var first = trainer.Trainer(new MLContext()).Fit(data).Model;
        var other = trainer.Trainer(new MLContext()).Fit(data).Model;

        other.History.Seed.Should().NotBe(first.History.Seed);
        other.Network.Weights().Should().NotEqual(first.Network.Weights());
        trainer.Trainer(_context, o => o.Seed = first.History.Seed).Fit(data).Model.Network.Weights().Bits().Should().Equal(first.Network.Weights().Bits());
    }
}
