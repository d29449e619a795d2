using Deq.MLNet.Tests.Conformance;
using Microsoft.ML;
using Microsoft.ML.Data;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers.Scoring;

public sealed class SolveColumnsTests
{
    private static readonly string[] Added = ["Residual", "Iterations", "SolveStatus", "State"];

    private readonly MLContext _context = new(1);

    [Theory, TrainersWithColumns]
    public void Each_row_tells_how_it_was_solved_and_its_equilibrium(TrainerCase trainer)
    {
        var rows = Rows();
        var model = trainer.Trainer(_context).Fit(trainer.View(_context, rows));
        var network = (DeqNetwork)model.Model.Network;
        var scratch = new float[network.ScratchSize];
        var z = new float[TrainerCase.HiddenSize];

        foreach (var (row, solved) in rows.Zip(model.Solved(trainer.View(_context, rows))))
        {
            var expected = network.Solve(row.Features, scratch, z);
            solved.State.Bits().Should().Equal(z.Bits());
            (solved.Residual, solved.Iterations, solved.SolveStatus).Should().Be(((float)expected.Residual, expected.Iterations, expected.Status.ToString()));
            solved.SolveStatus.Should().Be("Converged");
            // The equilibrium itself, in float64: a residual of 1e-6 and a factor of 0.9 keep z within 1e-5.
            var equilibrium = Float64.Equilibrium(network, row.Features);
            Linear.Distance(Linear.ToDouble(solved.State), equilibrium).Should().BeLessThan(2e-5 * Linear.Norm(equilibrium) + 1e-7);
        }
    }

    [Theory, TrainersWithColumns]
    public void The_columns_stand_beside_those_of_the_task_and_change_none_of_them(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var plain = trainer.WithoutColumns.Trainer(_context).Fit(data).Transform(data);
        var ofTask = trainer.WithoutColumns.OutputColumns;
        New(plain).Should().Equal(ofTask);
        foreach (var (solve, state) in new[] { (true, null), (false, "z"), (true, "z") })
        {
            var scored = trainer.Trainer(_context, o => (((DeqTrainerOptions)o).SolveColumns, ((DeqTrainerOptions)o).StateColumn) = (solve, state)).Fit(data).Transform(data);

            New(scored).Should().Equal([.. ofTask, .. solve ? Added[..3] : [], .. state is null ? Array.Empty<string>() : [state]]);
            foreach (var column in ofTask)
            {
                scored.Texts(column).Should().Equal(plain.Texts(column), "{0}", column);
            }
        }

        string[] New(IDataView view) => [.. view.Schema.Skip(data.Schema.Count).Select(c => c.Name)];
    }

    /// <summary>The variables of these columns, taken back from the graph, were asked for as outputs.</summary>
    [Theory, TrainersWithColumns]
    public void An_ONNX_file_has_the_columns_of_the_task_and_not_these(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        OnnxExportReport Export(ITransformer model) => _context.Model.SaveOnnx(model, data.Schema, Stream.Null);

        Export(trainer.Trainer(_context).Fit(data)).Should().BeEquivalentTo(Export(trainer.WithoutColumns.Trainer(_context).Fit(data)));
    }

    [Theory, TrainersWithColumns]
    public void What_a_trainer_promises_is_what_its_model_gives(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var estimator = trainer.Trainer(_context);

        var promised = estimator.GetOutputSchema(SchemaShape.Create(data.Schema));
        var given = SchemaShape.Create(estimator.Fit(data).Transform(data).Schema);

        Describe(promised).Should().Equal(Describe(given)).And.Contain("Residual Scalar Single False (ScoreColumnKind Scalar String False (); ScoreColumnSetId Scalar UInt32 True ())");
    }

    [Theory, TrainersWithColumns]
    public void A_search_that_is_cut_short_says_so(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var model = trainer.Trainer(_context, o => (((DeqTrainerOptions)o).MaxIterations, ((DeqTrainerOptions)o).ScoringTolerance) = (2, new Tolerance(1e-12))).Fit(data);

        model.Solved(data).Should().OnlyContain(r => r.SolveStatus == "IterationLimit" && r.Iterations == 2 && r.Residual > 1e-12 && r.State.All(float.IsFinite));
    }

    [Theory, TrainersWithColumns]
    public void A_row_with_a_missing_feature_has_no_equilibrium_and_its_neighbours_have_theirs(TrainerCase trainer)
    {
        var rows = Rows();
        var model = trainer.Trainer(_context).Fit(trainer.View(_context, rows));
        var whole = model.Solved(trainer.View(_context, rows));
        rows[1].Features = [1, float.NaN, 1, 1];
        rows[3].Features = [1, 1, float.NegativeInfinity, 1];

        var solved = model.Solved(trainer.View(_context, rows));

        foreach (var missing in new[] { solved[1], solved[3] })
        {
            (missing.SolveStatus, missing.Iterations, missing.Residual).Should().Be(("InvalidInput", 0, float.NaN));
            missing.State.Should().HaveCount(TrainerCase.HiddenSize).And.OnlyContain(z => float.IsNaN(z));
        }
        foreach (var i in Enumerable.Range(0, rows.Length).Except([1, 3]))
        {
            solved[i].Should().BeEquivalentTo(whole[i], o => o.WithStrictOrdering());
        }
    }

    [Theory, TrainersWithColumns]
    public void A_prediction_engine_reads_every_column(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        var model = trainer.Trainer(_context).Fit(data);
        var expected = model.Solved(data);
        using var engine = _context.Model.CreatePredictionEngine<TrainerRow, SolvedRow>(model);

        Rows().Select(row => engine.Predict(row)).Should().BeEquivalentTo(expected, o => o.WithStrictOrdering());
    }

    [Theory, TrainersWithColumns]
    public void Evaluation_and_cross_validation_pass_the_columns_by(TrainerCase trainer)
    {
        var data = trainer.View(_context, Rows(200));
        var with = trainer.Trainer(_context);
        var without = trainer.WithoutColumns.Trainer(_context);

        Metric(with.Fit(data).Transform(data)).Should().Be(Metric(without.Fit(data).Transform(data)));
        Folds(with).Should().Equal(Folds(without)).And.HaveCount(2);

        double Metric(IDataView scored) => trainer.Task switch
        {
            TrainerTask.Regression => _context.Regression.Evaluate(scored).RSquared,
            TrainerTask.Binary => _context.BinaryClassification.Evaluate(scored).LogLoss,
            _ => _context.MulticlassClassification.Evaluate(scored).LogLoss,
        };

        IEnumerable<double> Folds(AnyTrainer each) => trainer.Task switch
        {
            TrainerTask.Regression => _context.Regression.CrossValidate(data, each, 2, seed: 1).Select(f => f.Metrics.RSquared),
            TrainerTask.Binary => _context.BinaryClassification.CrossValidate(data, each, 2, seed: 1).Select(f => f.Metrics.LogLoss),
            _ => _context.MulticlassClassification.CrossValidate(data, each, 2, seed: 1).Select(f => f.Metrics.LogLoss),
        };
    }

    [Fact]
    public void One_versus_all_takes_a_trainer_with_columns()
    {
        var data = TrainerCase.Of(NetworkKind.Deq, TrainerTask.Multiclass).View(_context);
        string[] Scores(TrainerCase trainer) => _context.MulticlassClassification.Trainers.OneVersusAll((NetworkBinaryTrainer)trainer.Trainer(_context)).Fit(data).Transform(data).Texts("Score");
        var binary = TrainerCase.WithColumns.Single(c => c.Task == TrainerTask.Binary);

        Scores(binary).Should().Equal(Scores(binary.WithoutColumns));
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
        FluentActions.Invoking(() => TrainerCase.Deq.Trainer(_context, o => (((DeqTrainerOptions)o).StateColumn, o.ExampleWeightColumnName) = (name, "Weight")))
            .Should().Throw<ArgumentException>().WithMessage($"StateColumn is \"{name}\"; it must be a name of its own*");

    [Theory]
    [InlineData("Residual")]
    [InlineData("Iterations")]
    [InlineData("SolveStatus")]
    public void An_input_column_that_a_solve_column_would_hide_is_refused(string name)
    {
        FluentActions.Invoking(() => TrainerCase.Deq.Trainer(_context, o => (((DeqTrainerOptions)o).SolveColumns, o.LabelColumnName) = (true, name))).Should().Throw<ArgumentException>().WithMessage($"SolveColumns adds a column {name}*");
        TrainerCase.Deq.Trainer(_context, o => o.LabelColumnName = name).Should().NotBeNull();
    }
}
