using Deq.MLNet.Trainers.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class BadInputTests
{
    private readonly MLContext _context = new(1);

    [Theory, AllTrainers]
    public void Columns_that_are_missing_or_of_another_type_are_ML_NETs_schema_errors(TrainerCase trainer)
    {
        var data = trainer.View(_context, Rows(5));
        void Refused(IDataView by, string column, Action<NetworkTrainerOptions>? change = null)
        {
            var estimator = trainer.Trainer(_context, change);
            FluentActions.Invoking(() => estimator.GetOutputSchema(SchemaShape.Create(by.Schema))).Should().Throw<ArgumentOutOfRangeException>().WithMessage($"*{column}*");
            FluentActions.Invoking(() => estimator.Fit(by)).Should().Throw<ArgumentOutOfRangeException>().WithMessage($"*{column}*");
        }
        IDataView By(IEstimator<ITransformer> change) => change.Fit(data).Transform(data);

        Refused(By(_context.Transforms.CopyColumns("Features", "Weight")), "Features");
        Refused(By(_context.Transforms.DropColumns("Label")), "Label");
        Refused(By(_context.Transforms.DropColumns("Features")), "Features");
        Refused(By(_context.Transforms.Conversion.ConvertType("Features", outputKind: DataKind.Double)), "Features");
        foreach (var kind in new[] { DataKind.String, DataKind.Double })
        {
            Refused(By(_context.Transforms.Conversion.ConvertType("Label", "Weight", kind)), "Label");
        }
        Refused(_context.Data.LoadFromEnumerable([new VariableRow { Features = [1, 2] }]), "Features");
        Refused(data, "Importance", o => o.ExampleWeightColumnName = "Importance");
        Refused(data, "Features", o => o.ExampleWeightColumnName = "Features");
        foreach (var other in TrainerCase.All.Where(c => c.Task != trainer.Task))
        {
            Refused(other.View(_context, Rows(5)), "Label");
        }
    }

    /// <summary>They were once read for minutes, and refused when memory ran out.</summary>
    [Fact]
    public void Rows_that_cannot_fit_in_memory_are_refused_before_they_are_read()
    {
        const int Features = 1 << 20;
        var wide = SchemaDefinition.Create(typeof(TrainerRow));
        wide[nameof(TrainerRow.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, Features);
        var rows = new Unread(2_048);

        FluentActions.Invoking(() => TrainerCase.Fnn.Trainer(_context).Fit(_context.Data.LoadFromEnumerable(rows, wide)))
            .Should().Throw<InvalidOperationException>().WithMessage("The training data has 2048 rows or more of 1048576 features: 2147483648 values, which do not fit*");
    }

    /// <summary>A list that knows its length, and whose rows must not be asked for.</summary>
    private sealed class Unread(int count) : IReadOnlyCollection<TrainerRow>, ICollection<TrainerRow>
    {
        public int Count => count;

        public bool IsReadOnly => true;

        public IEnumerator<TrainerRow> GetEnumerator() => throw new NotSupportedException("The rows are read.");

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();

        public void Add(TrainerRow item) => throw new NotSupportedException();

        public void Clear() => throw new NotSupportedException();

        public bool Contains(TrainerRow item) => throw new NotSupportedException();

        public void CopyTo(TrainerRow[] array, int arrayIndex) => throw new NotSupportedException();

        public bool Remove(TrainerRow item) => throw new NotSupportedException();
    }

    [Theory, AllTrainers]
    public void No_rows_are_said_with_counts(TrainerCase trainer)
    {
        FluentActions.Invoking(() => trainer.Trainer(_context).Fit(trainer.View(_context, [])))
            .Should().Throw<InvalidOperationException>().WithMessage("No training rows: 0 rows were read*");
        var rows = Rows(5);
        (rows[0].Features[0], rows[1].Features[3], rows[3].Weight, rows[4].Weight) = (float.NaN, float.PositiveInfinity, 0, -1);
        // A label of two classes cannot be missing.
        (rows[2].Label, rows[2].Weight) = trainer.Task == TrainerTask.Binary ? (1f, float.NaN) : (float.NaN, 1f);
        var (labels, weights) = trainer.Task == TrainerTask.Binary ? (0, 3) : (1, 2);
        FluentActions.Invoking(() => trainer.Trainer(_context, o => o.ExampleWeightColumnName = "Weight").Fit(trainer.View(_context, rows)))
            .Should().Throw<InvalidOperationException>().WithMessage($"No training rows: 5 rows were read, 2 of them with a missing or infinite feature (put ReplaceMissingValues before the trainer to keep them), {labels} with such a label, {weights} with a weight that is not positive.");
        FluentActions.Invoking(() => trainer.Trainer(_context).Fit(trainer.View(_context, Rows(5)), trainer.View(_context, [])))
            .Should().Throw<InvalidOperationException>().WithMessage("No validation rows: 0 rows were read*");
    }

    [Theory, AllTrainers]
    public void A_validation_set_with_other_features_is_refused(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var wider = _context.Transforms.Concatenate("Features", "Features", "Weight").Fit(data).Transform(data);

        FluentActions.Invoking(() => trainer.Trainer(_context).Fit(data, wider)).Should().Throw<ArgumentException>().WithMessage("*5*4*");
    }

    public static TheoryData<TrainerCase, float, float, bool> Scales
    {
        get
        {
            var data = new TheoryData<TrainerCase, float, float, bool>();
            foreach (var trainer in TrainerCase.All.Where(c => c.IsRegression))
            {
                foreach (var (features, label) in new[] { (1e30f, 1f), (1e-30f, 1f), (1f, 1e30f), (1f, 1e-30f), (1e30f, 1e30f), (1e-30f, 1e-30f), (1e-30f, 1e30f), (1e30f, 1e-30f), (1f, 0f), (0f, 1f), (1e37f, 1f), (1e-40f, 1f) })
                {
                    data.Add(trainer, features, label, true);
                    data.Add(trainer, features, label, false);
                }
            }
            return data;
        }
    }

    [Theory, AllTrainers(TrainerTask.Regression)]
    public void A_constant_label_is_the_score_of_every_row(TrainerCase trainer)
    {
        foreach (var label in new[] { 0f, 1e-20f, 0.001f, -7f, 1e30f })
        {
            var rows = Rows();
            Array.ForEach(rows, row => row.Label = label);

            var model = trainer.Fit(rows: rows);

            model.Scores(rows).Concat(model.Scores(Rows(50, 9))).Should().OnlyContain(score => score == label);
        }
    }

    [Theory, AllTrainers(TrainerTask.Binary, TrainerTask.Multiclass)]
    public void One_class_only_is_the_answer_for_every_row(TrainerCase trainer)
    {
        foreach (var label in new[] { -10f, 10f })
        {
            var rows = Rows();
            Array.ForEach(rows, row => row.Label = label);
            var model = trainer.Fit(o => o.Epochs = 30, rows);

            model.Model.Network.Weights().Should().OnlyContain(w => float.IsFinite(w));
            var scored = model.Transform(trainer.View(_context, rows));
            if (trainer.Task == TrainerTask.Binary)
            {
                scored.GetColumn<bool>("PredictedLabel").Should().OnlyContain(high => high == label > 0);
            }
            else
            {
                scored.GetColumn<uint>("PredictedLabel").Should().OnlyContain(key => key == (label > 0 ? 3 : 1));
            }
        }
    }

    [Theory, AllTrainers(TrainerTask.Binary, TrainerTask.Multiclass)]
    public void Huge_tiny_and_constant_features_of_classes_train_or_are_refused_clearly(TrainerCase trainer)
    {
        foreach (var (scale, normalize) in from scale in new[] { 1e30f, 1e-30f, 0, 1e37f, 1e-40f } from normalize in new[] { true, false } select (scale, normalize))
        {
            var rows = Rows();
            Array.ForEach(rows, row => row.Features[1] *= scale);
            AnyModel model;
            try
            {
                model = trainer.Fit(o => (o.NormalizeFeatures, o.Epochs) = (normalize, 20), rows);
            }
            catch (DeqException e)
            {
                e.Message.Should().Match(normalize ? "*in position 1*standard deviation*Rescale*" : "*diverged*Set NormalizeFeatures*");
                (scale is > 1e34f or < 1e-34f and > 0 || !normalize).Should().BeTrue("features from 1e-30 to 1e30 train: {0}", e.Message);
                continue;
            }
            model.Model.Network.Weights().Should().OnlyContain(w => float.IsFinite(w));
            model.Scores(rows).Should().OnlyContain(s => float.IsFinite(s), "scale {0}, normalised {1}", scale, normalize);
            if (normalize)
            {
                trainer.Quality(_context, model.Transform(trainer.View(_context, rows))).Should().BeGreaterThan(0.75, "it has learnt something");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Scales))]
    public void Huge_tiny_and_constant_columns_train_or_are_refused_clearly(TrainerCase trainer, float features, float label, bool normalize)
    {
        var rows = Rows();
        foreach (var row in rows)
        {
            row.Features[1] *= features;
            row.Label = label * row.Label + (label == 0 ? 4 : 0);
        }

        var fit = () => trainer.Fit(o => (o.NormalizeFeatures, o.NormalizeLabel, o.Epochs) = (normalize, normalize, 20), rows);

        AnyModel model;
        try
        {
            model = fit();
        }
        catch (DeqException e)
        {
            e.Message.Should().Match(normalize ? "*in position*standard deviation*Rescale*" : "*diverged*");
            (features is > 1e34f or < 1e-34f and > 0 || !normalize).Should().BeTrue("columns from 1e-30 to 1e30 train: {0}", e.Message);
            return;
        }
        model.Model.Network.Weights().Should().OnlyContain(w => float.IsFinite(w));
        var scores = model.Scores(rows);
        scores.Should().OnlyContain(s => float.IsFinite(s));
        if (normalize && label == 0)
        {
            scores.Should().OnlyContain(s => s == 4);
        }
        else if (normalize)
        {
            var mean = rows.Average(r => (double)r.Label);
            var squares = rows.Zip(scores, (r, s) => ((double)r.Label - s) * ((double)r.Label - s)).Average();
            squares.Should().BeLessThan(rows.Average(r => (r.Label - mean) * (r.Label - mean)), "it has learnt something");
        }
    }

    [Theory, AllTrainers]
    public void A_run_that_diverges_says_where_and_what_to_change(TrainerCase trainer)
    {
        void Wild(NetworkTrainerOptions options)
        {
            options.LearningRate = 1e20f;
            if (options is DeqTrainerOptions deq)
            {
                deq.WellPosedness = WellPosedness.None;
            }
        }

        FluentActions.Invoking(() => trainer.Fit(Wild)).Should().Throw<DivergenceException>()
            .WithMessage("Training diverged in epoch 1: training loss *, worst residual *, learning rate 1E+20. Lower LearningRate*");
    }

    [Theory, BothTrainers]
    public void A_run_that_diverges_after_a_good_epoch_keeps_its_weights_with_early_stopping(TrainerCase trainer)
    {
        var log = new TrainerLog(_context);
        void Growing(NetworkTrainerOptions options)
        {
            (options.Optimizer, options.LearningRate, options.BatchSize, options.Epochs) = (new Sgd(), 3, 1000, 1000);
            (options.EarlyStopping, options.ValidationFraction) = (new EarlyStopping(patience: 1000), 0.2f);
            if (options is DeqTrainerOptions deq)
            {
                deq.WellPosedness = WellPosedness.None;
            }
            else
            {
                ((FnnTrainerOptions)options).HiddenSizes = [];
            }
        }

        var model = trainer.Trainer(_context, Growing).Fit(trainer.View(_context));

        var history = model.Model.History;
        log.Warnings.Should().ContainMatch($"Training diverged in epoch {history.Epochs.Count}:*The weights of epoch {history.BestEpoch}, *are kept.");
        history.Epochs.Count.Should().BeGreaterThan(history.BestEpoch);
        model.Model.Network.Weights().Should().OnlyContain(w => float.IsFinite(w));
    }

    [Theory, AllTrainers]
    public void A_missing_or_infinite_feature_makes_its_row_missing_and_no_other(TrainerCase trainer)
    {
        var model = trainer.Fit();
        var clean = model.Scores(Rows(20)).Bits().Chunk(trainer.Outputs).ToArray();
        foreach (var bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            var rows = Rows(20);
            (rows[3].Features[1], rows[17].Features[3]) = (bad, bad);
            var scored = model.Transform(_context.View(rows));

            var scores = model.Scores(rows).Chunk(trainer.Outputs).ToArray();

            for (var i = 0; i < rows.Length; i++)
            {
                var isBad = i is 3 or 17;
                scores[i].Should().OnlyContain(score => float.IsNaN(score) == isBad);
                scores[i].Bits().SequenceEqual(clean[i]).Should().Be(!isBad);
            }
            switch (trainer.Task)
            {
                case TrainerTask.Binary:
                    scored.GetColumn<float>("Probability").Select((p, i) => float.IsNaN(p) == (i is 3 or 17)).Should().OnlyContain(right => right);
                    scored.GetColumn<bool>("PredictedLabel").Where((_, i) => i is 3 or 17).Should().OnlyContain(high => !high, "a Boolean cannot be missing");
                    break;
                case TrainerTask.Multiclass:
                    scored.GetColumn<uint>("PredictedLabel").Select((key, i) => key == 0 == (i is 3 or 17)).Should().OnlyContain(right => right);
                    break;
            }
        }
    }

    [Theory, BothTrainers]
    public void Rows_of_another_length_are_refused(TrainerCase trainer)
    {
        var model = trainer.Fit();
        var wider = _context.Transforms.Concatenate("Features", "Features", "Label").Fit(_context.View(Rows())).Transform(_context.View(Rows()));

        FluentActions.Invoking(() => model.Transform(wider).Schema).Should().Throw<InvalidOperationException>().WithMessage("*features*'Vector<Single, 5>' vs 'Vector<Single, 4>'*");
        FluentActions.Invoking(() => new RowScorer(model.Model.Network, appliesLink: true).Score(new VBuffer<float>(3, [1, 2, 3]), new float[1]))
            .Should().Throw<ArgumentException>().WithMessage("The row has 3 features; the model was trained on 4.*");
    }
}
