using Deq.MLNet.Tests.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Deq.MLNet.Tests.Conformance;

/// <summary>What a trainer and its transformer take, and what they refuse.</summary>
internal sealed class InputContract(TrainerCase trainer) : Contract(trainer)
{
    public void Input_that_fits_neither_is_refused_by_the_trainer_and_by_the_transformer()
    {
        var ofDouble = Context.Transforms.Conversion.ConvertType("Features", outputKind: DataKind.Double).Fit(Data).Transform(Data);
        var scalar = Context.Transforms.CopyColumns("Features", "Weight").Fit(Data).Transform(Data);
        var variable = Context.Data.LoadFromEnumerable([new VariableRow { Features = [1, 2, 3, 4] }]);
        foreach (var invalid in new[] { Without("Features"), ofDouble, scalar, variable })
        {
            RefusedByTrainer(invalid, "Features");
            RefusedByTransformer(invalid);
        }
    }

    public void Input_without_a_label_is_refused_by_the_trainer_and_taken_by_the_transformer()
    {
        var unlabelled = Without("Label");

        RefusedByTrainer(unlabelled, "Label");
        foreach (var model in Both)
        {
            SameRows.Assert(model.Transform(unlabelled), Context.Transforms.DropColumns("Label").Fit(Data).Transform(Model.Transform(Data)));
        }
    }

    public void A_label_of_another_type_is_refused_by_the_trainer_and_taken_by_the_transformer()
    {
        var ofText = Context.Transforms.Conversion.ConvertType("Label", "Weight", DataKind.String).Fit(Data).Transform(Data);

        RefusedByTrainer(ofText, "Label");
        Model.Scores(ofText).Bits().Should().Equal(Model.Scores(Data).Bits());
    }

    public void Features_of_another_number_are_taken_by_the_trainer_and_refused_by_this_transformer()
    {
        var wider = Context.Transforms.Concatenate("Features", "Features", "Weight").Fit(Data).Transform(Data);

        Trainer.GetOutputSchema(SchemaShape.Create(wider.Schema));
        Trainer.Fit(wider).Scores(wider).Should().OnlyContain(s => float.IsFinite(s));
        RefusedByTransformer(wider);
    }

    private void RefusedByTrainer(IDataView data, string column)
    {
        Refused(() => Trainer.GetOutputSchema(SchemaShape.Create(data.Schema)), column);
        Refused(() => Trainer.Fit(data), column);
    }

    private void RefusedByTransformer(IDataView data)
    {
        foreach (var model in Both)
        {
            Refused(() => model.GetOutputSchema(data.Schema), "Features");
            Refused(() => model.Transform(data), "Features");
        }
    }

    /// <summary>Refused as ML.NET's own estimators and transformers refuse.</summary>
    private static void Refused(Action act, string column) => act.Should().Throw<Exception>().WithMessage($"*{column}*")
        .Which.Should().Match<Exception>(e => e is ArgumentOutOfRangeException || e is InvalidOperationException);
}
