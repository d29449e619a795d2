using Deq.MLNet.Tests.Trainers;
using Microsoft.ML;

namespace Deq.MLNet.Tests.Conformance;

/// <summary>A trainer with data that it takes, its model, and that model saved and loaded. Every public method of a contract is a property that must hold.</summary>
internal abstract class Contract
{
    protected Contract(TrainerCase trainer)
    {
        Case = trainer;
        Data = trainer.View(Context, TrainerSetup.Rows(60));
        Trainer = trainer.Trainer(Context);
        Model = Trainer.Fit(Data);
        Loaded = ModelZip.Load(Model.Saved(Data.Schema), out var schema);
        LoadedSchema = schema;
    }

    protected MLContext Context { get; } = new(1);

    protected TrainerCase Case { get; }

    protected IDataView Data { get; }

    protected AnyTrainer Trainer { get; }

    protected AnyModel Model { get; }

    protected ITransformer Loaded { get; }

    protected DataViewSchema LoadedSchema { get; }

    protected ITransformer[] Both => [Model, Loaded];

    protected IDataView Without(string column) => Context.Transforms.DropColumns(column).Fit(Data).Transform(Data);

    /// <summary>Columns by position with their types, and their annotations with types and values.</summary>
    protected static IEnumerable<string> Columns(DataViewSchema schema) => schema.Select(c =>
        $"{c.Index} {c.Name} {c.Type} hidden {c.IsHidden}: {string.Join("; ", c.Annotations.Schema.Select(a => $"{a.Name} {a.Type} = {RowReaders.Reader(c.Annotations, a)()}"))}");
}
