using System.Globalization;
using Deq.MLNet.Tests.Conformance;
using Deq.MLNet.Training;
using Microsoft.ML;

namespace Deq.MLNet.Tests.Trainers.Scoring;

/// <summary>The option of the trainers, through a fitted and saved pipeline.</summary>
public sealed class OnNonConvergenceTests
{
    private readonly MLContext _context = new(1);

    [Theory, TrainersWithColumns]
    public void It_decides_what_rows_get_that_do_not_converge(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        ITransformer Fit(OnNonConvergence policy) => trainer.Trainer(_context, o =>
            (((DeqTrainerOptions)o).MaxIterations, ((DeqTrainerOptions)o).Tolerance, ((DeqTrainerOptions)o).ScoringTolerance, ((DeqTrainerOptions)o).OnNonConvergence) = (2, new Tolerance(10), new Tolerance(1e-12), policy)).Fit(data);
        ITransformer Saved(ITransformer model)
        {
            using var stream = new MemoryStream();
            _context.Model.Save(model, data.Schema, stream);
            return new MLContext(2).Model.Load(new MemoryStream(stream.ToArray()), out _);
        }

        var best = Fit(OnNonConvergence.ReturnBest).Solved(data);
        best.Should().OnlyContain(r => r.SolveStatus == "IterationLimit" && r.State.All(float.IsFinite));
        var nan = Fit(OnNonConvergence.NaN);
        foreach (var model in new[] { nan, Saved(nan) })
        {
            model.Solved(data).Should().OnlyContain(r => r.SolveStatus == "IterationLimit" && r.Iterations == 2 && r.State.All(float.IsNaN));
            var missing = BitConverter.SingleToInt32Bits(float.NaN).ToString("x8", CultureInfo.InvariantCulture);
            model.Transform(data).Texts("Score").Should().OnlyContain(score => score.Split(", ", StringSplitOptions.None).All(number => number == missing));
        }
        var throws = Fit(OnNonConvergence.Throw);
        foreach (var model in new[] { throws, Saved(throws) })
        {
            var error = FluentActions.Invoking(() => model.Solved(data)).Should().Throw<Exception>().Which;
            error.GetBaseException().Should().BeOfType<DivergenceException>().Which.Message.Should().Contain("IterationLimit after 2 iterations").And.Contain("MaxIterations");
        }
    }

    [Theory, TrainersWithColumns]
    public void Rows_that_converge_get_the_same_bits_whatever_it_is(TrainerCase trainer)
    {
        var data = trainer.View(_context);
        string[] Scores(OnNonConvergence policy) => trainer.Trainer(_context, o => ((DeqTrainerOptions)o).OnNonConvergence = policy).Fit(data).Transform(data).Texts("Score");
        var best = Scores(OnNonConvergence.ReturnBest);
        Scores(OnNonConvergence.NaN).Should().Equal(best);
        Scores(OnNonConvergence.Throw).Should().Equal(best);
    }

    [Fact]
    public void A_value_that_is_none_is_refused_when_the_trainer_is_made() =>
        FluentActions.Invoking(() => TrainerCase.Deq.Trainer(_context, o => ((DeqTrainerOptions)o).OnNonConvergence = (OnNonConvergence)7)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*OnNonConvergence*7*");

    /// <summary>A batch is solved by Broyden's method, rows are scored one by one.</summary>
    [Fact]
    public void A_model_trained_by_Broyden_is_to_be_scored_by_Auto()
    {
        var options = (DeqTrainerOptions)TrainerCase.Deq.Options();
        options.Solver = new Broyden();
        var architecture = (DeqArchitecture)options.ToSettings(1).Architecture;
        (architecture.Solver, architecture.Scoring.Solver).Should().Be((new Broyden(), new Auto()));
        options.Solver = new Auto();
        ((DeqArchitecture)options.ToSettings(1).Architecture).Scoring.Solver.Should().Be(new Auto());
        FluentActions.Invoking(() => new DeqNetwork([0.5f], [1], [0], [1], [0], Activation.ReLU, scoring: new EquilibriumSettings(new Broyden()))).Should().Throw<ArgumentException>().WithMessage("Broyden is a method of training*Use Auto or Anderson*");
    }
}
