using Deq.MLNet.Tests.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Conformance;

/// <summary>What a trainer and its transformer say of the data that they will make.</summary>
internal sealed class SchemaContract(TrainerCase trainer) : Contract(trainer)
{
    public void The_schema_promised_by_the_trainer_is_delivered_with_its_annotations()
    {
        var promised = Trainer.GetOutputSchema(SchemaShape.Create(Data.Schema));
        var delivered = SchemaShape.Create(Model.GetOutputSchema(Data.Schema));

        Describe(promised).Should().Equal(Describe(delivered));
        foreach (var (p, d) in promised.OrderBy(c => c.Name).Zip(delivered.OrderBy(c => c.Name)))
        {
            (p.IsCompatibleWith(d), d.IsCompatibleWith(p)).Should().Be((true, true), "of {0}", p.Name);
        }
        promised.Select(c => c.Name).Should().BeEquivalentTo(["Features", "Label", "Weight", .. Case.OutputColumns]);
    }

    public void A_promise_holds_through_the_estimators_before_and_behind()
    {
        var chain = Context.Transforms.CopyColumns("Inputs", "Features").Append(Case.Trainer(Context, o => o.FeatureColumnName = "Inputs"))
            .Append(Context.Transforms.CopyColumns("Result", "Score"));

        Describe(chain.GetOutputSchema(SchemaShape.Create(Data.Schema))).Should().Equal(Describe(SchemaShape.Create(chain.Fit(Data).GetOutputSchema(Data.Schema))));
    }

    public void The_transformer_maps_row_to_row()
    {
        foreach (var model in Both)
        {
            model.IsRowToRowMapper.Should().BeTrue();
            var mapper = model.GetRowToRowMapper(Data.Schema);

            mapper.InputSchema.Should().BeSameAs(Data.Schema);
            Columns(mapper.OutputSchema).Should().Equal(Columns(model.GetOutputSchema(Data.Schema)));
            foreach (var column in Case.OutputColumns)
            {
                mapper.GetDependencies([mapper.OutputSchema[column]]).Select(c => c.Name).Should().Equal("Features");
            }
            mapper.GetDependencies([mapper.OutputSchema["Weight"]]).Select(c => c.Name).Should().Equal("Weight");
        }
    }

    public void The_loaded_transformer_has_the_schema_of_the_saved_one() =>
        Columns(Loaded.GetOutputSchema(Data.Schema)).Should().Equal(Columns(Model.GetOutputSchema(Data.Schema)));

    public void The_input_schema_saved_is_that_of_the_data() => Columns(LoadedSchema).Should().Equal(Columns(Data.Schema));

    public void The_schema_of_the_scored_data_is_that_of_the_transformer()
    {
        foreach (var model in Both)
        {
            Columns(model.Transform(Data).Schema).Should().Equal(Columns(model.GetOutputSchema(Data.Schema)));
        }
    }

    public void Output_columns_have_ML_NETs_types_and_annotations()
    {
        foreach (var model in Both)
        {
            var schema = model.GetOutputSchema(Data.Schema);
            var score = schema["Score"];
            Annotation(score, "ScoreColumnKind").Should().Be(Case.Task switch { TrainerTask.Regression => "Regression", TrainerTask.Binary => "BinaryClassification", _ => "MulticlassClassification" });
            Annotation(score, "ScoreValueKind").Should().Be("Score");
            switch (Case.Task)
            {
                case TrainerTask.Regression:
                    score.Type.Should().Be(NumberDataViewType.Single);
                    break;
                case TrainerTask.Binary:
                    score.Type.Should().Be(NumberDataViewType.Single);
                    schema["Probability"].Type.Should().Be(NumberDataViewType.Single);
                    (Annotation(schema["Probability"], "ScoreValueKind"), Annotation(schema["Probability"], "IsNormalized")).Should().Be(("Probability", "True"));
                    schema["PredictedLabel"].Type.Should().Be(BooleanDataViewType.Instance);
                    break;
                default:
                    score.Type.Should().Be(new VectorDataViewType(NumberDataViewType.Single, TrainerCase.Classes.Length));
                    schema["PredictedLabel"].Type.Should().Be(new KeyDataViewType(typeof(uint), TrainerCase.Classes.Length));
                    foreach (var (column, kind) in new[] { ("Score", "SlotNames"), ("Score", "TrainingLabelValues"), ("PredictedLabel", "KeyValues") })
                    {
                        Annotation(schema[column], kind).Should().Be(string.Join(", ", TrainerCase.Classes), "{0} of {1}", kind, column);
                    }
                    break;
            }
        }
    }

    private static string Annotation(DataViewSchema.Column column, string kind) => RowReaders.Reader(column.Annotations, column.Annotations.Schema[kind])();
}
