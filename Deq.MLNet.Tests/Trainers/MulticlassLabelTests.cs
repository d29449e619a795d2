using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>Keys of any kind and number as labels, and their names behind the model.</summary>
public sealed class MulticlassLabelTests
{
    private readonly MLContext _context = new(1);

    [Theory, AllTrainers(TrainerTask.Multiclass)]
    public void Names_of_classes_go_through_training_saving_and_scoring(TrainerCase trainer)
    {
        var data = _context.Data.LoadFromEnumerable(Rows().Select(r => new ClassRow { Features = r.Features, Label = TrainerCase.Classes[trainer.ClassOf(r)] }));

        Names<ReadOnlyMemory<char>, string>(trainer, data, name => name.ToString());
    }

    [Theory, AllTrainers(TrainerTask.Multiclass)]
    public void Numbers_as_classes_go_through_training_saving_and_scoring(TrainerCase trainer)
    {
        var data = _context.Data.LoadFromEnumerable(Rows().Select(r => new Numbered { Features = r.Features, Label = new[] { 70, -5, 12 }[trainer.ClassOf(r)] }));

        Names<int, int>(trainer, data, number => number);
    }

    /// <summary>The label becomes a key and the key a label again; on rows that were learnt nearly every one is right.</summary>
    private void Names<TRaw, T>(TrainerCase trainer, IDataView data, Func<TRaw, T> read)
    {
        var chain = _context.Transforms.Conversion.MapValueToKey("Key", "Label")
            .Append(trainer.Trainer(_context, o => (o.LabelColumnName, o.Epochs) = ("Key", 60)))
            .Append(_context.Transforms.Conversion.MapKeyToValue("Answer", "PredictedLabel"));
        var promised = chain.GetOutputSchema(SchemaShape.Create(data.Schema));
        var model = chain.Fit(data);
        foreach (var each in new[] { model, model.SavedAndLoaded(data.Schema) })
        {
            var scored = each.Transform(data);
            var keys = default(VBuffer<TRaw>);
            scored.Schema["PredictedLabel"].GetKeyValues(ref keys);
            var trainingLabels = default(VBuffer<TRaw>);
            scored.Schema["Score"].Annotations.GetValue("TrainingLabelValues", ref trainingLabels);
            var (labels, slots) = (keys.DenseValues().Select(read).ToArray(), default(VBuffer<ReadOnlyMemory<char>>));

            labels.Should().HaveCount(3).And.Equal(scored.GetColumn<T>("Label").Distinct(), "keys are in order of appearance");
            trainingLabels.DenseValues().Select(read).Should().Equal(labels);
            if (typeof(T) == typeof(string))
            {
                // ML.NET names slots by text alone.
                scored.Schema["Score"].GetSlotNames(ref slots);
                slots.DenseValues().Select(name => name.ToString()).Should().Equal(labels.Select(label => $"{label}"));
            }
            scored.GetColumn<T>("Answer").Zip(scored.GetColumn<T>("Label"), (answer, label) => answer!.Equals(label)).Count(right => right).Should().BeGreaterThan(180);
            scored.GetColumn<T>("Answer").Should().Equal(scored.GetColumn<float[]>("Score").Select(score => labels[Array.IndexOf(score, score.Max())]));
            Describe(SchemaShape.Create(scored.Schema)).Should().Equal(Describe(promised));
        }
    }

    [Theory, AllTrainers(TrainerTask.Multiclass)]
    public void Keys_without_names_are_labels_too(TrainerCase trainer)
    {
        var data = _context.Data.LoadFromEnumerable(Rows().Select(r => new OfFour { Features = r.Features, Label = (uint)trainer.ClassOf(r) }));
        var estimator = trainer.Trainer(_context, o => o.Epochs = 60);
        var model = estimator.Fit(data);

        Describe(SchemaShape.Create(model.GetOutputSchema(data.Schema))).Should().Equal(Describe(estimator.GetOutputSchema(SchemaShape.Create(data.Schema))));
        model.Transform(data).GetColumn<uint>("PredictedLabel").Zip(data.GetColumn<uint>("Label"), (a, b) => a == b).Count(right => right).Should().BeGreaterThan(180);
        model.Scores(data).Chunk(4).Should().OnlyContain(p => p.Length == 4 && p[3] < 0.05f, "the fourth class has no rows");
    }

    [Theory, AllTrainers(TrainerTask.Multiclass)]
    public void A_number_that_is_no_key_is_refused(TrainerCase trainer)
    {
        var data = _context.Data.LoadFromEnumerable(Rows().Select(r => new OfNoKey { Features = r.Features, Label = 1 }));

        FluentActions.Invoking(() => trainer.Trainer(_context).Fit(data)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Label*Key<UInt32>*UInt32*");
    }

    [Theory, AllTrainers(TrainerTask.Multiclass)]
    public void One_two_and_three_hundred_classes_are_learnt(TrainerCase trainer)
    {
        foreach (var classes in new[] { 1, 2, 300 })
        {
            var rows = Rows(Math.Max(200, 2 * classes));
            // Every class has rows, and all but the first a feature that tells them.
            var data = _context.Data.LoadFromEnumerable(rows.Select((r, i) => new ClassRow { Features = [r.Features[0], i % classes == 0 ? 5 : -5, 0, 0], Label = $"class {i % classes}" }));
            var keyed = _context.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);

            var model = trainer.Trainer(_context, o =>
            {
                o.Epochs = 20;
                TrainerCase.SetClassWeights(o, ClassWeights.Given([.. Enumerable.Repeat(2f, classes)]));
            }).Fit(keyed);

            model.Model.Network.OutputSize.Should().Be(classes);
            model.Model.Network.Weights().Should().OnlyContain(w => float.IsFinite(w));
            var scores = model.Scores(keyed).Chunk(classes).ToArray();
            scores.Should().HaveCount(rows.Length).And.OnlyContain(p => Math.Abs(p.Sum() - 1) < 1e-4 && p.Min() >= 0);
            for (var i = 0; i < rows.Length; i += classes)
            {
                scores[i][0].Should().Be(scores[i].Max());
            }
        }
    }

    [Theory, AllTrainers(TrainerTask.Multiclass)]
    public void Validation_rows_of_other_classes_are_refused(TrainerCase trainer)
    {
        var validation = _context.Data.LoadFromEnumerable(Rows(20).Select(r => new OfFour { Features = r.Features, Label = 3 }));

        FluentActions.Invoking(() => trainer.Trainer(_context).Fit(trainer.View(_context), validation))
            .Should().Throw<ArgumentException>().WithMessage("*Validation*4 classes*3*");
    }

    /// <summary>The third of three classes would count as the first.</summary>
    [Theory, AllTrainers(TrainerTask.Multiclass)]
    public void Validation_rows_whose_keys_stand_for_other_classes_are_refused(TrainerCase trainer)
    {
        var training = _context.Data.LoadFromEnumerable(Rows().Select(r => new ClassRow { Features = r.Features, Label = TrainerCase.Classes[trainer.ClassOf(r)] }));
        var validation = _context.Data.LoadFromEnumerable(Rows(60, 2).Select(r => new ClassRow { Features = r.Features, Label = TrainerCase.Classes[trainer.ClassOf(r)] }));
        IDataView Mapped(IDataView rows, params string[] order) =>
            _context.Transforms.Conversion.MapValueToKey("Label", keyData: _context.Data.LoadFromEnumerable(order.Select(name => new Key { Label = name }))).Fit(rows).Transform(rows);
        var estimator = trainer.Trainer(_context);
        var rows = Mapped(training, "low", "middle", "high");

        FluentActions.Invoking(() => estimator.Fit(rows, Mapped(validation, "high", "middle", "low"))).Should().Throw<ArgumentException>().WithMessage("*other keys*1 is \"high\", not \"low\"*");
        estimator.Fit(rows, Mapped(validation, "low", "middle", "high")).Model.History.Epochs.Should().OnlyContain(e => e.ValidationLoss > 0);
    }

    [Theory, AllTrainers(TrainerTask.Multiclass)]
    public void A_model_to_start_from_must_have_the_same_number_of_classes(TrainerCase trainer)
    {
        var ofFour = _context.Data.LoadFromEnumerable(Rows().Select(r => new OfFour { Features = r.Features, Label = (uint)trainer.ClassOf(r) }));

        FluentActions.Invoking(() => trainer.Trainer(_context).Fit(ofFour, null, trainer.Fit().Model)).Should().Throw<DeqException>().WithMessage("*3 outputs*4*");
    }

    private sealed class Key
    {
        public string Label { get; set; } = "";
    }

    private sealed class Numbered : FeatureRow
    {
        public int Label { get; set; }
    }

    private sealed class OfFour : FeatureRow
    {
        /// <summary>ML.NET counts from 0 in a class of C#.</summary>
        [KeyType(4)]
        public uint Label { get; set; }
    }

    private sealed class OfNoKey : FeatureRow
    {
        public uint Label { get; set; }
    }
}
