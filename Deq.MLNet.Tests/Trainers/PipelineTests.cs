using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class PipelineTests
{
    private readonly MLContext _context = new(1);

    /// <summary>R squared, area under the ROC curve and accuracy that a fit of 40 epochs reaches on unseen rows.</summary>
    private static double Reached(TrainerCase trainer) => trainer.Task switch { TrainerTask.Regression => 0.9, TrainerTask.Binary => 0.97, _ => 0.8 };

    [Theory, AllTrainers]
    public void A_trainer_takes_its_place_in_a_pipeline_and_its_model_is_evaluated(TrainerCase trainer)
    {
        var pipeline = _context.Transforms.NormalizeMeanVariance("Features")
            .Append(trainer.Trainer(_context, o => o.Epochs = 40))
            .Append(_context.Transforms.CopyColumns("Result", "Score"));
        var model = pipeline.Fit(trainer.View(_context));
        var unseen = trainer.View(_context, Rows(seed: 2));

        trainer.Quality(_context, model.Transform(unseen)).Should().BeGreaterThan(Reached(trainer)).And.BeLessThanOrEqualTo(1);
        model.Scores(unseen, "Result").Should().Equal(model.Scores(unseen)).And.HaveCount(200 * trainer.Outputs);
    }

    [Theory, AllTrainers]
    public void Cross_validation_trains_a_model_per_fold(TrainerCase trainer)
    {
        var folds = trainer.CrossValidate(_context, trainer.View(_context), trainer.Trainer(_context, o => o.Epochs = 30), 3);

        folds.Should().HaveCount(3).And.OnlyContain(quality => quality > Reached(trainer) - 0.2).And.OnlyHaveUniqueItems();
    }

    [Theory, AllTrainers]
    public void A_prediction_engine_scores_as_a_data_view_does(TrainerCase trainer)
    {
        var model = trainer.Fit();
        var engine = trainer.Engine(_context, model);

        Rows(20, 3).SelectMany(engine).Bits().Should().Equal(model.Scores(Rows(20, 3)).Bits());
    }

    [Theory, AllTrainers]
    public void Several_models_stand_in_one_chain_under_their_own_names(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var (first, second) = (trainer.Trainer(_context), trainer.OfOtherNetwork.Trainer(_context));
        var chain = first.Append(_context.Transforms.CopyColumns("First", "Score"))
            .Append(second).Append(_context.Transforms.CopyColumns("Second", "Score")).Fit(data);

        chain.Scores(data, "First").Bits().Should().Equal(first.Fit(data).Scores(data).Bits());
        chain.Scores(data, "Second").Bits().Should().Equal(second.Fit(data).Scores(data).Bits());
        chain.Scores(data, "First").Should().NotEqual(chain.Scores(data, "Second"));
    }

    [Theory, AllTrainers]
    public void The_score_of_a_model_is_a_feature_of_the_next(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var chain = trainer.Trainer(_context).Append(_context.Transforms.Concatenate("All", "Features", "Score"))
            .Append(trainer.Trainer(_context, o => o.FeatureColumnName = "All")).Fit(data);

        chain.LastTransformer.Model.Network.InputSize.Should().Be(FeatureCount + trainer.Outputs);
        chain.Scores(data).Should().HaveCount(200 * trainer.Outputs).And.OnlyContain(score => float.IsFinite(score));
    }

    [Theory, AllTrainers]
    public void Columns_may_have_other_names(TrainerCase trainer)
    {
        var rows = Rows();
        rows[3].Weight = 5;
        var data = trainer.View(_context, rows);
        var rename = _context.Transforms.CopyColumns("Inputs", "Features").Append(_context.Transforms.CopyColumns("Price", "Label"))
            .Append(_context.Transforms.CopyColumns("Importance", "Weight")).Append(_context.Transforms.DropColumns("Features", "Label", "Weight"));
        var renamed = rename.Fit(data).Transform(data);
        var model = trainer.Trainer(_context, o => (o.FeatureColumnName, o.LabelColumnName, o.ExampleWeightColumnName) = ("Inputs", "Price", "Importance")).Fit(renamed);

        model.FeatureColumnName.Should().Be("Inputs");
        model.Scores(renamed).Bits().Should().Equal(trainer.Trainer(_context, o => o.ExampleWeightColumnName = "Weight").Fit(data).Scores(data).Bits());
    }

    [Theory, AllTrainers]
    public void Permutation_importance_ranks_the_features(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var model = trainer.Trainer(_context, o => o.Epochs = 40).Fit(data);

        var importance = trainer.Importance(_context, model, data);

        importance.Should().HaveCount(FeatureCount);
        importance[0].Should().BeGreaterThan(importance[1]).And.BeGreaterThan(importance[3] + 0.1);
        importance[3].Should().BeApproximately(0, 0.05);
    }

    [Theory, AllTrainers]
    public void Permutation_importance_of_a_loaded_pipeline_names_the_features(TrainerCase trainer)
    {
        var rows = trainer.View(_context);
        var named = _context.Transforms.CustomMapping<FeatureRow, NamedFeatures>((row, name) => (name.Size, name.Age, name.Floor) = (row.Features[0], row.Features[1], row.Features[3]), null)
            .Append(_context.Transforms.DropColumns("Features")).Fit(rows).Transform(rows);
        var pipeline = _context.Transforms.Concatenate("Features", "Size", "Age", "Floor").Append(trainer.Trainer(_context, o => o.Epochs = 40)).Fit(named);
        var loaded = pipeline.SavedAndLoaded(named.Schema);

        // ML.NET reads the features and their names from the data it is given.
        var importance = trainer.ImportanceByName(_context, loaded, loaded.Transform(named));

        importance.Keys.Should().BeEquivalentTo("Size", "Age", "Floor");
        importance["Size"].Should().BeGreaterThan(importance["Age"]).And.BeGreaterThan(importance["Floor"] + 0.1);
    }

    private sealed class NamedFeatures
    {
        public float Size { get; set; }

        public float Age { get; set; }

        public float Floor { get; set; }
    }
}
