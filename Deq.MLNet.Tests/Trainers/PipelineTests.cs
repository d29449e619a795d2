using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class PipelineTests
{
    private readonly MLContext _context = new(1);

    [Theory, BothTrainers]
    public void A_trainer_takes_its_place_in_a_pipeline(TrainerKind kind)
    {
        var pipeline = _context.Transforms.NormalizeMeanVariance("Features")
            .Append(_context.Trainer(kind, o => o.Epochs = 40))
            .Append(_context.Transforms.CopyColumns("Price", "Score"));
        var model = pipeline.Fit(_context.View(Rows()));

        var scored = model.Transform(_context.View(Rows(seed: 2)));

        _context.Regression.Evaluate(scored).RSquared.Should().BeGreaterThan(0.9);
        scored.GetColumn<float>("Price").Should().Equal(scored.GetColumn<float>("Score"));
    }

    [Theory, BothTrainers]
    public void Cross_validation_trains_a_model_per_fold(TrainerKind kind)
    {
        var results = _context.Regression.CrossValidate(_context.View(Rows()), _context.Trainer(kind, o => o.Epochs = 30), numberOfFolds: 3);

        results.Should().HaveCount(3).And.OnlyContain(r => r.Metrics.RSquared > 0.7);
    }

    [Theory, BothTrainers]
    public void A_prediction_engine_scores_as_a_data_view_does(TrainerKind kind)
    {
        var model = Fit(kind);
        using var engine = _context.Model.CreatePredictionEngine<TrainerRow, TrainerScore>(model);

        Rows(20, 3).Select(r => engine.Predict(r).Score).Bits().Should().Equal(model.Scores(Rows(20, 3)).Bits());
    }

    [Theory, BothTrainers]
    public void Several_models_stand_in_one_chain_under_their_own_names(TrainerKind kind)
    {
        var data = _context.View(Rows());
        var (first, second) = (_context.Trainer(kind), _context.Trainer(kind, o => o.Seed = 7));
        var chain = first.Append(_context.Transforms.CopyColumns("First", "Score"))
            .Append(second).Append(_context.Transforms.CopyColumns("Second", "Score")).Fit(data);

        chain.Scores(data, "First").Bits().Should().Equal(first.Fit(data).Scores(data).Bits());
        chain.Scores(data, "Second").Bits().Should().Equal(second.Fit(data).Scores(data).Bits());
        chain.Scores(data, "First").Should().NotEqual(chain.Scores(data, "Second"));
    }

    [Theory, BothTrainers]
    public void Sparse_rows_train_and_score_as_dense_ones(TrainerKind kind)
    {
        var rows = Rows();
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i].Features[i % FeatureCount] = 0;
            rows[i].Features[(i + 1) % FeatureCount] = 0;
        }
        var sparse = _context.Data.LoadFromEnumerable(rows.Select(SparseRow.From));
        sparse.GetColumn<VBuffer<float>>("Features").Should().OnlyContain(v => !v.IsDense);
        var model = _context.Trainer(kind).Fit(_context.View(rows));

        model.Scores(sparse).Bits().Should().Equal(model.Scores(rows).Bits());
        _context.Trainer(kind).Fit(sparse).Model.Network.Weights().Bits().Should().Equal(model.Model.Network.Weights().Bits());
    }

    [Theory, BothTrainers]
    public void Columns_may_have_other_names(TrainerKind kind)
    {
        var rows = Rows();
        rows[3].Weight = 5;
        var renamed = _context.Data.LoadFromEnumerable(rows.Select(r => new RenamedRow { Inputs = r.Features, Price = r.Label, Importance = r.Weight }));
        var model = _context.Trainer(kind, o => (o.FeatureColumnName, o.LabelColumnName, o.ExampleWeightColumnName) = ("Inputs", "Price", "Importance")).Fit(renamed);
        var expected = _context.Trainer(kind, o => o.ExampleWeightColumnName = "Weight").Fit(_context.View(rows));

        model.FeatureColumnName.Should().Be("Inputs");
        model.Scores(renamed).Bits().Should().Equal(expected.Scores(rows).Bits());
    }

    [Theory, BothTrainers]
    public void The_schema_promised_is_the_schema_delivered(TrainerKind kind)
    {
        var data = _context.View(Rows());
        var trainer = _context.Trainer(kind);
        var model = trainer.Fit(data);

        var promised = trainer.GetOutputSchema(SchemaShape.Create(data.Schema));
        var delivered = SchemaShape.Create(model.Transform(data).Schema);

        Describe(promised).Should().Equal(Describe(delivered));
        var score = model.GetOutputSchema(data.Schema)["Score"];
        score.Type.Should().Be(NumberDataViewType.Single);
        Describe(SchemaShape.Create(model.GetOutputSchema(data.Schema))).Should().Equal(Describe(delivered));
        var annotation = default(ReadOnlyMemory<char>);
        score.Annotations.GetValue("ScoreColumnKind", ref annotation);
        annotation.ToString().Should().Be("Regression");
    }

    [Theory, BothTrainers]
    public void A_model_is_a_row_to_row_mapper(TrainerKind kind)
    {
        var schema = _context.View(Rows()).Schema;
        ITransformer model = Fit(kind);

        model.IsRowToRowMapper.Should().BeTrue();
        var mapper = model.GetRowToRowMapper(schema);

        mapper.InputSchema.Should().BeSameAs(schema);
        Describe(SchemaShape.Create(mapper.OutputSchema)).Should().Equal(Describe(SchemaShape.Create(model.GetOutputSchema(schema))));
        mapper.GetDependencies(mapper.OutputSchema.Where(c => c.Name == "Score")).Select(c => c.Name).Should().Equal("Features");
    }

    [Theory, BothTrainers]
    public void Permutation_importance_ranks_the_features(TrainerKind kind)
    {
        var data = _context.View(Rows());
        var model = _context.Trainer(kind, o => o.Epochs = 40).Fit(data);

        var byPosition = _context.Regression.PermutationFeatureImportance(model, data, permutationCount: 2).Select(m => m.RSquared.Mean).ToArray();

        byPosition.Should().HaveCount(FeatureCount);
        byPosition[0].Should().BeLessThan(byPosition[1]).And.BeLessThan(byPosition[3] - 0.2);
        byPosition[3].Should().BeApproximately(0, 0.05);
    }

    [Theory, BothTrainers]
    public void Permutation_importance_of_a_loaded_pipeline_names_the_features(TrainerKind kind)
    {
        var data = _context.Data.LoadFromEnumerable(Rows().Select(r => new NamedRow { Size = r.Features[0], Age = r.Features[1], Floor = r.Features[3], Label = r.Label }));
        var pipeline = _context.Transforms.Concatenate("Features", "Size", "Age", "Floor").Append(_context.Trainer(kind, o => o.Epochs = 40)).Fit(data);
        var loaded = SaveAndLoad(pipeline, data.Schema);

        // ML.NET reads the features and their names from the data it is given.
        var importance = _context.Regression.PermutationFeatureImportance(loaded, loaded.Transform(data), permutationCount: 2);

        importance.Keys.Should().BeEquivalentTo("Size", "Age", "Floor");
        importance["Size"].RSquared.Mean.Should().BeLessThan(importance["Age"].RSquared.Mean).And.BeLessThan(importance["Floor"].RSquared.Mean - 0.2);
    }

    private ITransformer SaveAndLoad(ITransformer model, DataViewSchema schema)
    {
        using var stream = new MemoryStream();
        _context.Model.Save(model, schema, stream);
        return _context.Model.Load(stream, out _);
    }

    private static IEnumerable<string> Describe(SchemaShape shape) => shape.OrderBy(c => c.Name, StringComparer.Ordinal)
        .Select(c => $"{c.Name} {c.Kind} {c.ItemType} {c.IsKey} ({string.Join("; ", Describe(c.Annotations))})");

    private sealed class SparseRow
    {
        [VectorType(FeatureCount)]
        public VBuffer<float> Features { get; set; }

        public float Label { get; set; }

        public static SparseRow From(TrainerRow row)
        {
            var indices = Enumerable.Range(0, row.Features.Length).Where(i => row.Features[i] != 0).ToArray();
            return new SparseRow { Label = row.Label, Features = new VBuffer<float>(row.Features.Length, indices.Length, [.. indices.Select(i => row.Features[i])], indices) };
        }
    }

    private sealed class NamedRow
    {
        public float Size { get; set; }

        public float Age { get; set; }

        public float Floor { get; set; }

        public float Label { get; set; }
    }

    private sealed class RenamedRow
    {
        [VectorType(FeatureCount)]
        public float[] Inputs { get; set; } = [];

        public float Price { get; set; }

        public float Importance { get; set; }
    }
}
