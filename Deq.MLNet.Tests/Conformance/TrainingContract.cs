using System.Globalization;
using Deq.MLNet.Tests.Onnx;
using Deq.MLNet.Tests.Trainers;
using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Conformance;

/// <summary>What a user of a built-in trainer expects beyond what ML.NET's own test checks.</summary>
internal sealed class TrainingContract(TrainerCase trainer) : Contract(trainer)
{
    public void A_second_fit_of_one_trainer_gives_the_same_weights()
    {
        Trainer.Fit(Data).Model.Network.Weights().Bits().Should().Equal(Model.Model.Network.Weights().Bits());
        Case.Trainer(Context, o => o.Seed = 2).Fit(Data).Model.Network.Weights().Bits().Should().NotEqual(Model.Model.Network.Weights().Bits());
    }

    public void Sparse_and_dense_features_are_trained_on_alike()
    {
        var dense = Case.View(Context, RowsWithZeros(60));

        Trainer.Fit(dense.WithSparseFeatures()).Model.Network.Weights().Bits().Should().Equal(Trainer.Fit(dense).Model.Network.Weights().Bits());
    }

    public void Another_culture_changes_no_bit_of_training_saving_loading_and_scoring()
    {
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
        try
        {
            1.5.ToString(CultureInfo.CurrentCulture).Should().Be("1,5", "the culture is there");
            var model = Case.Trainer(new MLContext(1)).Fit(Data);

            model.SavedAndLoaded(Data.Schema).Scores(Data).Bits().Should().Equal(Model.Scores(Data).Bits());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    public void A_cancelled_training_gives_no_model_and_leaves_other_contexts_as_they_are()
    {
        var context = new MLContext(1);
        var epochs = 0;
        var trainer = Case.Trainer(context, o => o.OnEpoch = _ =>
        {
            epochs++;
            context.CancelExecution();
        });

        FluentActions.Invoking(() => trainer.Fit(Data)).Should().Throw<OperationCanceledException>();

        epochs.Should().Be(1);
        Trainer.Fit(Data).Model.Network.Weights().Bits().Should().Equal(Model.Model.Network.Weights().Bits());
    }

    public void Importance_is_the_same_for_dense_and_sparse_features_before_and_after_saving()
    {
        var dense = Case.View(Context, RowsWithZeros(60));
        var model = Case.Trainer(Context, o => o.Epochs = 20).Fit(dense);
        var loaded = (AnyModel)model.SavedAndLoaded(dense.Schema);
        double[] Importance(AnyModel of, IDataView data) => Case.Importance(new MLContext(1), of, data);
        var expected = Importance(model, dense);

        expected.Should().HaveCount(FeatureCount).And.OnlyContain(value => double.IsFinite(value));
        expected[0].Should().BeGreaterThan(expected[3]);
        Importance(model, dense.WithSparseFeatures()).Should().Equal(expected);
        Importance(loaded, dense).Should().Equal(expected);
        Importance(loaded, dense.WithSparseFeatures()).Should().Equal(expected);
    }

    public void An_ONNX_file_of_a_model_of_other_columns_takes_that_name_and_gives_the_scores()
    {
        var renamed = Context.Transforms.CopyColumns("Inputs", "Features").Append(Context.Transforms.DropColumns("Features")).Fit(Data).Transform(Data);
        var model = Case.Trainer(Context, o => o.FeatureColumnName = "Inputs").Fit(renamed);
        using var file = new MemoryStream();

        Context.Model.SaveOnnx(model, renamed.Schema, file);

        using var session = OnnxCases.Open(file.ToArray());
        session.InputNames.Should().Equal("Inputs");
        var outputs = OnnxCases.Run(session, "Inputs", [.. Rows(60).SelectMany(r => r.Features)], FeatureCount);
        foreach (var column in Case.Task == TrainerTask.Binary ? new[] { "Score", "Probability" } : ["Score"])
        {
            var scores = model.Scores(renamed, column);
            outputs[$"{column}.output"].LargestDifference(scores).Should().BeLessThan(1e-5 * (1 + scores.Max(Math.Abs)));
        }
    }
}
