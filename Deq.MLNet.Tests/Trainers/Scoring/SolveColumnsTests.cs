using Deq.MLNet.Tests.References;
using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.Scoring.SolveSetup;

namespace Deq.MLNet.Tests.Trainers.Scoring;

public sealed class SolveColumnsTests
{
    private static readonly string[] Added = ["Residual", "Iterations", "SolveStatus", "State"];

    private readonly MLContext _context = new(1);

    [Theory, EveryTask]
    public void Each_row_tells_how_it_was_solved_and_its_equilibrium(DeqTask task)
    {
        var rows = SolveRows();
        var model = _context.Deq(task, AllColumns).Fit(_context.View(rows));
        var network = model.Network();
        var scratch = new float[network.ScratchSize];
        var z = new float[States];
        var weights = Doubles(network.W.Span);

        foreach (var (row, solved) in rows.Zip(model.Solved(_context.View(rows))))
        {
            var expected = network.Solve(row.Features, scratch, z);
            solved.State.Bits().Should().Equal(z.Bits());
            (solved.Residual, solved.Iterations, solved.SolveStatus).Should().Be(((float)expected.Residual, expected.Iterations, expected.Status.ToString()));
            solved.SolveStatus.Should().Be("Converged");
            // The equilibrium itself, in float64: a residual of 1e-6 and a factor of 0.9 keep z within 1e-5.
            var equilibrium = FixedPoint.Of(weights, Injection(network, row.Features), network.Activation);
            Linear.Distance(Doubles(solved.State), equilibrium).Should().BeLessThan(2e-5 * Linear.Norm(equilibrium) + 1e-7);
        }
    }

    [Theory, EveryTask]
    public void The_columns_stand_beside_those_of_the_task_and_change_none_of_them(DeqTask task)
    {
        var data = _context.View(SolveRows());
        var plain = _context.Deq(task).Fit(data).Transform(data);
        string[] ofTask = task switch
        {
            DeqTask.Regression => ["Score"],
            DeqTask.Binary => ["PredictedLabel", "Score", "Probability"],
            _ => ["PredictedLabel", "Score"],
        };
        New(plain).Should().Equal(ofTask);
        foreach (var (solve, state) in new[] { (true, null), (false, "z"), (true, "z") })
        {
            var scored = _context.Deq(task, o => (o.SolveColumns, o.StateColumn) = (solve, state)).Fit(data).Transform(data);

            New(scored).Should().Equal([.. ofTask, .. solve ? Added[..3] : [], .. state is null ? Array.Empty<string>() : [state]]);
            foreach (var column in ofTask)
            {
                scored.Values(column).Should().Equal(plain.Values(column), "{0}", column);
            }
        }

        string[] New(IDataView view) => [.. view.Schema.Skip(data.Schema.Count).Select(c => c.Name)];
    }

    /// <summary>The variables of these columns, taken back from the graph, were asked for as outputs.</summary>
    [Theory, EveryTask]
    public void An_ONNX_file_has_the_columns_of_the_task_and_not_these(DeqTask task)
    {
        var data = _context.View(SolveRows());
        OnnxExportReport Export(ITransformer model) => _context.Model.SaveOnnx(model, data.Schema, Stream.Null);

        Export(_context.Deq(task, AllColumns).Fit(data)).Should().BeEquivalentTo(Export(_context.Deq(task).Fit(data)));
    }

    [Theory, EveryTask]
    public void What_a_trainer_promises_is_what_its_model_gives(DeqTask task)
    {
        var data = _context.View(SolveRows());
        var trainer = _context.Deq(task, AllColumns);

        var promised = trainer.GetOutputSchema(SchemaShape.Create(data.Schema));
        var given = SchemaShape.Create(trainer.Fit(data).Transform(data).Schema);

        Shapes(promised).Should().BeEquivalentTo(Shapes(given)).And.Contain("Residual Scalar Single False [ScoreColumnKind Scalar String False [], ScoreColumnSetId Scalar UInt32 True []]");
    }

    [Theory, EveryTask]
    public void A_search_that_is_cut_short_says_so(DeqTask task)
    {
        var data = _context.View(SolveRows());
        var model = _context.Deq(task, o =>
        {
            AllColumns(o);
            (o.MaxIterations, o.ScoringTolerance) = (2, new Tolerance(1e-12));
        }).Fit(data);

        model.Solved(data).Should().OnlyContain(r => r.SolveStatus == "IterationLimit" && r.Iterations == 2 && r.Residual > 1e-12 && r.State.All(float.IsFinite));
    }

    [Theory, EveryTask]
    public void A_row_with_a_missing_feature_has_no_equilibrium_and_its_neighbours_have_theirs(DeqTask task)
    {
        var rows = SolveRows();
        var model = _context.Deq(task, AllColumns).Fit(_context.View(rows));
        var whole = model.Solved(_context.View(rows));
        rows[1].Features = [1, float.NaN, 1, 1];
        rows[3].Features = [1, 1, float.NegativeInfinity, 1];

        var solved = model.Solved(_context.View(rows));

        foreach (var missing in new[] { solved[1], solved[3] })
        {
            (missing.SolveStatus, missing.Iterations, missing.Residual).Should().Be(("InvalidInput", 0, float.NaN));
            missing.State.Should().HaveCount(States).And.OnlyContain(z => float.IsNaN(z));
        }
        foreach (var i in Enumerable.Range(0, rows.Length).Except([1, 3]))
        {
            solved[i].Should().BeEquivalentTo(whole[i], o => o.WithStrictOrdering());
        }
    }

    [Theory, EveryTask]
    public void A_prediction_engine_reads_every_column(DeqTask task)
    {
        var data = _context.View(SolveRows());
        var model = _context.Deq(task, AllColumns).Fit(data);
        var expected = model.Solved(data);
        using var engine = _context.Model.CreatePredictionEngine<SolveRow, SolvedRow>(model);

        SolveRows().Select(row => engine.Predict(row)).Should().BeEquivalentTo(expected, o => o.WithStrictOrdering());
    }

    [Theory, EveryTask]
    public void Evaluation_and_cross_validation_pass_the_columns_by(DeqTask task)
    {
        var data = _context.View(SolveRows(200));
        var with = _context.Deq(task, AllColumns);
        var without = _context.Deq(task);

        Metric(with.Fit(data).Transform(data)).Should().Be(Metric(without.Fit(data).Transform(data)));
        Folds(with).Should().Equal(Folds(without)).And.HaveCount(2);

        double Metric(IDataView scored) => task switch
        {
            DeqTask.Regression => _context.Regression.Evaluate(scored).RSquared,
            DeqTask.Binary => _context.BinaryClassification.Evaluate(scored, "IsHigh").LogLoss,
            _ => _context.MulticlassClassification.Evaluate(scored, "Key").LogLoss,
        };

        IEnumerable<double> Folds(IEstimator<ITransformer> trainer) => task switch
        {
            DeqTask.Regression => _context.Regression.CrossValidate(data, trainer, 2, seed: 1).Select(f => f.Metrics.RSquared),
            DeqTask.Binary => _context.BinaryClassification.CrossValidate(data, trainer, 2, "IsHigh", seed: 1).Select(f => f.Metrics.LogLoss),
            _ => _context.MulticlassClassification.CrossValidate(data, trainer, 2, "Key", seed: 1).Select(f => f.Metrics.LogLoss),
        };
    }

    [Fact]
    public void One_versus_all_takes_a_trainer_with_columns()
    {
        var data = _context.View(SolveRows());
        string[] Scores(Action<DeqTrainerOptions>? change)
        {
            var binary = (DeqBinaryTrainer)_context.Deq(DeqTask.Binary, o => { change?.Invoke(o); o.LabelColumnName = "Key"; });
            return _context.MulticlassClassification.Trainers.OneVersusAll(binary, "Key").Fit(data).Transform(data).Values("Score");
        }

        Scores(AllColumns).Should().Equal(Scores(null));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Score")]
    [InlineData("Probability")]
    [InlineData("PredictedLabel")]
    [InlineData("Residual")]
    [InlineData("Iterations")]
    [InlineData("SolveStatus")]
    [InlineData("Features")]
    [InlineData("Label")]
    [InlineData("Weight")]
    public void A_state_column_that_would_hide_another_is_refused_when_the_trainer_is_made(string name) =>
        FluentActions.Invoking(() => _context.Deq(DeqTask.Regression, o => (o.StateColumn, o.ExampleWeightColumnName) = (name, "Weight")))
            .Should().Throw<ArgumentException>().WithMessage($"StateColumn is \"{name}\"; it must be a name of its own*");

    [Theory]
    [InlineData("Residual")]
    [InlineData("Iterations")]
    [InlineData("SolveStatus")]
    public void An_input_column_that_a_solve_column_would_hide_is_refused(string name)
    {
        FluentActions.Invoking(() => _context.Deq(DeqTask.Regression, o => (o.SolveColumns, o.LabelColumnName) = (true, name))).Should().Throw<ArgumentException>().WithMessage($"SolveColumns adds a column {name}*");
        _context.Deq(DeqTask.Regression, o => o.LabelColumnName = name).Should().NotBeNull();
    }

    private static double[] Injection(DeqNetwork network, float[] x)
    {
        var u = Doubles(network.U.Span);
        return [.. Doubles(network.B.Span).Select((b, i) => b + x.Select((value, j) => value * u[i * x.Length + j]).Sum())];
    }

    private static double[] Doubles(ReadOnlySpan<float> values) => [.. values.ToArray().Select(v => (double)v)];

    private static IEnumerable<string> Shapes(SchemaShape shape) => shape.Select(c =>
        $"{c.Name} {c.Kind} {c.ItemType} {c.IsKey} [{string.Join(", ", Shapes(c.Annotations).Order(StringComparer.Ordinal))}]");
}
