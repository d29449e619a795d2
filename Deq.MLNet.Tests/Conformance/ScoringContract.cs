using Deq.MLNet.Tests.Storage;
using Deq.MLNet.Tests.Trainers;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Conformance;

/// <summary>How a transformer scores, before it is saved and after it was loaded.</summary>
internal sealed class ScoringContract(TrainerCase trainer) : Contract(trainer)
{
    public void A_model_is_loaded_as_it_was_saved()
    {
        Loaded.GetType().Should().Be(Model.GetType());
        var loaded = (AnyModel)Loaded;

        SameBits.Assert(loaded.Model.Network, Model.Model.Network);
        (loaded.FeatureColumnName, loaded.FeatureColumnType).Should().Be(("Features", Model.FeatureColumnType));
        Loaded.SavedAndLoaded(Data.Schema).Scores(Data).Bits().Should().Equal(Model.Scores(Data).Bits());
    }

    public void Scored_values_and_row_ids_are_the_same_after_loading_whichever_columns_are_read() => SameRows.Assert(Loaded.Transform(Data), Model.Transform(Data));

    public void Scores_are_those_of_the_network_in_float64()
    {
        var expected = Model.Model.Network.Reference(Rows(60));
        var scale = 1 + expected.Max(Math.Abs);

        Loaded.Scores(Data).Zip(expected, (a, e) => Math.Abs(a - e) / scale).Should().OnlyContain(error => error < 1e-5);
        if (Case.Task == TrainerTask.Multiclass)
        {
            Loaded.Scores(Data).Chunk(Case.Outputs).Should().OnlyContain(p => Math.Abs(p.Sum() - 1) < 1e-5);
        }
    }

    public void A_predicted_label_is_the_side_or_the_class_that_the_score_says()
    {
        var scored = Loaded.Transform(Data);
        var scores = Loaded.Scores(Data).Chunk(Case.Outputs).ToArray();
        switch (Case.Task)
        {
            case TrainerTask.Binary:
                scored.GetColumn<bool>("PredictedLabel").Should().Equal(scores.Select(s => s[0] > 0));
                scored.GetColumn<float>("Probability").Zip(scores, (p, s) => p - Float64.Logistic(s[0])).Should().OnlyContain(error => Math.Abs(error) < 1e-6);
                break;
            case TrainerTask.Multiclass:
                scored.GetColumn<uint>("PredictedLabel").Should().Equal(scores.Select(s => (uint)Array.IndexOf(s, s.Max()) + 1));
                break;
        }
        scores.Select(s => Array.IndexOf(s, s.Max())).Concat(scores.Select(s => s[0] > 0 ? 3 : 4)).Distinct().Should().HaveCountGreaterThan(1, "not every row is alike");
    }

    public void Sparse_and_dense_features_are_scored_alike()
    {
        var dense = Case.View(Context, RowsWithZeros(60));
        foreach (var model in Both)
        {
            model.Scores(dense.WithSparseFeatures()).Bits().Should().Equal(model.Scores(dense).Bits());
        }
    }

    public void A_mapper_of_another_type_is_refused_by_the_model()
    {
        var mapper = (IValueMapper)Model.Model;

        mapper.InputType.Should().Be(new VectorDataViewType(NumberDataViewType.Single, FeatureCount));
        mapper.OutputType.Should().Be(Case.Task == TrainerTask.Multiclass ? new VectorDataViewType(NumberDataViewType.Single, Case.Outputs) : NumberDataViewType.Single);
        FluentActions.Invoking(() => mapper.GetMapper<VBuffer<double>, float>()).Should().Throw<NotSupportedException>();
    }

    public void Disposing_a_transformer_twice_leaves_other_copies_of_it_as_they_are()
    {
        var expected = Model.Scores(Data).Bits();

        ((IDisposable)Loaded).Dispose();
        ((IDisposable)Loaded).Dispose();

        Model.Scores(Data).Bits().Should().Equal(expected);
    }
}
