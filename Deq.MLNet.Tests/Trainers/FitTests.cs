using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class FitTests
{
    private readonly MLContext _context = new(1);

    [Theory, BothTrainers]
    public void Validation_rows_are_reported_and_leave_the_training_as_it_is(TrainerKind kind)
    {
        var (data, validation) = (_context.View(Rows()), _context.View(Rows(50, 2)));
        var with = _context.Trainer(kind).Fit(data, validationData: validation).Model;
        var without = _context.Trainer(kind).Fit(data).Model;

        with.History.Epochs.Should().OnlyContain(e => e.ValidationLoss > 0);
        without.History.Epochs.Should().OnlyContain(e => e.ValidationLoss == null);
        with.Network.Weights().Bits().Should().Equal(without.Network.Weights().Bits());
        var last = with.History.Epochs[^1].ValidationLoss!.Value;
        var squares = Rows(50, 2).Zip(with.Network.Reference(Rows(50, 2)), (r, y) => (r.Label - y) * (r.Label - y)).Average();
        last.Should().BeApproximately(squares, 1e-3 * squares, "the loss is that of the model, in squared units of the label");
    }

    [Theory, BothTrainers]
    public void Early_stopping_keeps_the_weights_of_the_best_epoch(TrainerKind kind)
    {
        var trainer = _context.Trainer(kind, o => (o.Epochs, o.LearningRate, o.EarlyStopping) = (60, 0.2f, new EarlyStopping(patience: 3)));
        var model = trainer.Fit(_context.View(Rows()), validationData: _context.View(Rows(50, 2))).Model;

        var history = model.History;
        history.Epochs.Count.Should().Be(history.BestEpoch + 3).And.BeLessThan(60);
        history.Epochs.MinBy(e => e.ValidationLoss)!.Epoch.Should().Be(history.BestEpoch);
        var squares = Rows(50, 2).Zip(model.Network.Reference(Rows(50, 2)), (r, y) => (r.Label - y) * (r.Label - y)).Average();
        squares.Should().BeApproximately(history.Epochs[history.BestEpoch - 1].ValidationLoss!.Value, 1e-3 * squares);
    }

    [Theory, BothTrainers]
    public void A_share_of_the_rows_is_held_out(TrainerKind kind)
    {
        var log = new TrainerLog(_context);
        var model = _context.Trainer(kind, o => o.ValidationFraction = 0.25f).Fit(_context.View(Rows())).Model;

        log.Infos.Should().Contain("Training on cpu: 200 rows, 4 features, a share of 0.25 held out for validation, seed 1.");
        model.History.Epochs.Should().OnlyContain(e => e.ValidationLoss > 0);
        if (kind == TrainerKind.Deq)
        {
            model.Equilibrium!.Rows.Should().Be(150);
        }
        FluentActions.Invoking(() => _context.Trainer(kind, o => o.ValidationFraction = 0.001f).Fit(_context.View(Rows())))
            .Should().Throw<DeqException>().WithMessage("ValidationFraction 0.001 of 200 rows leaves 200 to train on and 0 to validate on*");
    }

    [Theory, BothTrainers]
    public void Early_stopping_without_validation_rows_says_what_to_set(TrainerKind kind) =>
        FluentActions.Invoking(() => _context.Trainer(kind, o => o.EarlyStopping = new EarlyStopping()).Fit(_context.View(Rows())))
            .Should().Throw<DeqException>().WithMessage("EarlyStopping needs validation rows: set ValidationFraction*");

    [Theory, BothTrainers]
    public void A_row_of_weight_two_counts_as_the_row_twice(TrainerKind kind)
    {
        var heavy = Rows();
        foreach (var row in heavy[..50])
        {
            row.Weight = 2;
        }
        TrainerRow[] twice = [.. Rows(), .. Rows()[..50]];
        void FullBatch(NetworkTrainerOptions o) => (o.BatchSize, o.Epochs) = (1000, 30);

        var weighted = Fit(kind, o => { FullBatch(o); o.ExampleWeightColumnName = "Weight"; }, heavy).Scores(heavy);
        var repeated = Fit(kind, FullBatch, twice).Scores(heavy);
        var plain = Fit(kind, FullBatch, heavy).Scores(heavy);

        Largest(weighted, repeated).Should().BeLessThan(1e-4 * repeated.Max(Math.Abs));
        Largest(weighted, plain).Should().BeGreaterThan(1e-3 * repeated.Max(Math.Abs));
    }

    [Theory, BothTrainers]
    public void Rows_that_cannot_be_used_are_skipped_without_a_trace_and_counted_in_a_warning(TrainerKind kind)
    {
        var rows = Rows();
        (rows[3].Weight, rows[50].Weight, rows[51].Weight, rows[52].Weight) = (0, -1, float.NaN, float.PositiveInfinity);
        (rows[7].Label, rows[8].Label) = (float.NaN, float.NegativeInfinity);
        (rows[100].Features[2], rows[101].Features[0]) = (float.NaN, float.PositiveInfinity);
        int[] bad = [3, 50, 51, 52, 7, 8, 100, 101];
        var log = new TrainerLog(_context);

        var model = _context.Trainer(kind, o => o.ExampleWeightColumnName = "Weight").Fit(_context.View(rows));

        var clean = Fit(kind, o => o.ExampleWeightColumnName = "Weight", rows.Where((_, i) => !bad.Contains(i)));
        model.Model.Network.Weights().Bits().Should().Equal(clean.Model.Network.Weights().Bits());
        log.Warnings.Should().ContainSingle().Which.Should().StartWith("Skipped 8 of 200 training rows");
    }

    [Theory, BothTrainers]
    public void The_same_seed_gives_the_same_weights_bit_for_bit(TrainerKind kind)
    {
        var data = _context.View(Rows());
        int[] Weights(MLContext context, Action<NetworkTrainerOptions>? change = null) => context.Trainer(kind, change).Fit(data).Model.Network.Weights().Bits();
        var one = _context.Trainer(kind, o => o.Seed = 5);
        var expected = one.Fit(data).Model.Network.Weights().Bits();

        one.Fit(data).Model.Network.Weights().Bits().Should().Equal(expected, "a second fit of one trainer");
        Weights(new MLContext(), o => o.Seed = 5).Should().Equal(expected, "another trainer and another context");
        Weights(new MLContext(5)).Should().Equal(expected, "the seed of the context");
        Weights(new MLContext(5), o => o.Seed = 6).Should().NotEqual(expected, "the option goes before the context");
        Weights(new MLContext(6)).Should().NotEqual(expected);
    }

    [Theory, BothTrainers]
    public void A_random_seed_is_recorded_and_gives_the_same_weights_again(TrainerKind kind)
    {
        var data = _context.View(Rows());
        var first = new MLContext().Trainer(kind).Fit(data).Model;
        var other = new MLContext().Trainer(kind).Fit(data).Model;

        other.History.Seed.Should().NotBe(first.History!.Seed);
        other.Network.Weights().Should().NotEqual(first.Network.Weights());
        _context.Trainer(kind, o => o.Seed = first.History.Seed).Fit(data).Model.Network.Weights().Bits().Should().Equal(first.Network.Weights().Bits());
    }

    [Theory, BothTrainers]
    public void A_model_to_start_from_is_where_training_starts_even_on_rows_of_another_scale(TrainerKind kind)
    {
        var model = Fit(kind, o => o.Epochs = 20).Model;
        var rows = Rows(100, 5);
        foreach (var row in rows)
        {
            row.Features = [.. row.Features.Select((x, i) => 100 * x + 7 * i)];
            row.Label = 1000 * row.Label - 50;
        }
        var trainer = _context.Trainer(kind, o => (o.Epochs, o.LearningRate) = (1, 1e-12f));

        var onNewRows = trainer.Fit(_context.View(rows), modelParameters: model);
        var withValidation = trainer.Fit(_context.View(rows), _context.View(Rows(20, 6)), model);

        foreach (var probe in new[] { Rows(50, 7), rows })
        {
            var expected = model.Network.Reference(probe);
            var scores = onNewRows.Scores(probe);
            scores.Zip(expected, (a, e) => Math.Abs(a - e)).Max().Should().BeLessThan(1e-3 * expected.Max(Math.Abs));
            withValidation.Scores(probe).Bits().Should().Equal(scores.Bits());
        }
        onNewRows.Model.History.Epochs[0].TrainingLoss.Should().BeApproximately(
            rows.Zip(model.Network.Reference(rows), (r, y) => (r.Label - y) * (r.Label - y)).Average(), 1e-3 * 1e6);
        trainer.Fit(_context.View(rows), modelParameters: null).Scores(rows).Should().NotEqual(onNewRows.Scores(rows));
    }

    [Fact]
    public void A_start_that_breaks_the_rule_is_scaled_down_and_told()
    {
        var wide = Fit(TrainerKind.Deq, o => (o.Epochs, ((DeqTrainerOptions)o).WellPosedness) = (60, WellPosedness.Spectral(0.95f))).Model;
        var factor = ((DeqNetwork)wide.Network).Certificate.ContractionFactor;
        var log = new TrainerLog(_context);
        DeqNetwork StartUnder(float bound) => (DeqNetwork)_context
            .Trainer(TrainerKind.Deq, o => (o.Epochs, o.LearningRate, ((DeqTrainerOptions)o).WellPosedness) = (1, 1e-12f, WellPosedness.Spectral(bound)))
            .Fit(_context.View(Rows()), modelParameters: wide).Model.Network;

        StartUnder(0.99f).Certificate.ContractionFactor.Should().BeApproximately(factor, 1e-5);
        log.Warnings.Should().BeEmpty();

        StartUnder(0.2f).Certificate.ContractionFactor.Should().BeLessThanOrEqualTo(0.2).And.BeLessThan(factor);
        log.Warnings.Should().ContainSingle(w => w.Contains("contraction factor") && w.Contains("Spectral(0.2)"));
    }

    /// <summary>The projection's bound on the norm lies a little above it: a start just inside its rule was scaled down.</summary>
    [Fact]
    public void A_start_just_inside_its_rule_stays_as_it_is()
    {
        var model = Fit(TrainerKind.Deq, o => o.Epochs = 20).Model;
        var network = (DeqNetwork)model.Network;
        var bound = (float)(network.Certificate.ContractionFactor * 1.0001);
        var architecture = new Deq.MLNet.Training.DeqArchitecture(network.StateSize, network.Activation, WellPosedness.Spectral(bound), new Picard(), new Picard(), new Tolerance(1e-4), 200, new EquilibriumSettings());
        using var engine = new Deq.MLNet.Training.Torch.TorchEngine(Training.Setup.Settings(architecture), architecture.Adopt(network), TorchBackend.EnsureAvailable());

        ((DeqNetwork)engine.ToNetwork()).W.ToArray().Should().Equal(network.W.ToArray());
    }

    [Theory, BothTrainers]
    public void A_start_of_another_shape_names_the_option(TrainerKind kind)
    {
        var model = Fit(kind).Model;
        void Refused(TrainerKind trainer, Action<NetworkTrainerOptions> change, string message, IDataView? data = null) =>
            FluentActions.Invoking(() => _context.Trainer(trainer, change).Fit(data ?? _context.View(Rows()), modelParameters: model))
                .Should().Throw<DeqException>().WithMessage(message);

        switch (kind)
        {
            case TrainerKind.Deq:
                Refused(kind, o => ((DeqTrainerOptions)o).HiddenSize = 9, "*HiddenSize 8*set to 9*");
                Refused(kind, o => ((DeqTrainerOptions)o).Activation = Activation.Tanh, "*Activation ReLU*set to Tanh*");
                Refused(TrainerKind.Fnn, _ => { }, "*is a DeqNetwork*Use the trainer that made the model*");
                break;
            default:
                Refused(kind, o => ((FnnTrainerOptions)o).HiddenSizes = [8, 3], "*HiddenSizes 8*set to 8, 3*");
                Refused(kind, o => ((FnnTrainerOptions)o).Activation = Activation.Tanh, "*Activation ReLU*set to Tanh*");
                Refused(TrainerKind.Deq, _ => { }, "*is a FnnNetwork*Use the trainer that made the model*");
                break;
        }
        var wider = _context.Transforms.Concatenate("Features", "Features", "Label").Fit(_context.View(Rows())).Transform(_context.View(Rows()));
        Refused(kind, _ => { }, "*4 features*5*", wider);
    }

    private static double Largest(float[] actual, float[] expected) => actual.Zip(expected, (a, e) => Math.Abs(a - e)).Max();
}
