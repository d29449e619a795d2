using Microsoft.ML;
using static Deq.MLNet.Tests.Trainers.TrainerSetup;

namespace Deq.MLNet.Tests.Trainers;

public sealed class NetworkModelParametersTests
{
    /// <summary>A network of two outputs in the place of a regression's once loaded, and scored by its first.</summary>
    [Fact]
    public void A_network_that_is_not_of_the_models_task_is_refused()
    {
        FnnNetwork Network(int outputs, Link link) => new([new DenseLayer(new float[FeatureCount * outputs], new float[outputs])], Activation.ReLU, link);
        (TrainerTask Task, Network Network)[] wrong =
        [
            (TrainerTask.Regression, Network(2, Link.Identity)), (TrainerTask.Regression, Network(1, Link.Logistic)), (TrainerTask.Binary, Network(2, Link.Logistic)),
            (TrainerTask.Binary, Network(1, Link.Exp)), (TrainerTask.Multiclass, Network(3, Link.Identity)),
        ];
        foreach (var (task, network) in wrong)
        {
            var trainer = TrainerCase.Of(NetworkKind.Fnn, task);
            var context = new MLContext(1);
            var zip = trainer.Fit().Saved(trainer.View(context).Schema);
            using var bytes = new MemoryStream();
            Deq.MLNet.Storage.NetworkFormat.Write(network, bytes);

            var changed = ModelZip.Change(zip, "Network.bin", _ => bytes.ToArray()).Zip;

            FluentActions.Invoking(() => ModelZip.Load(changed)).Should().Throw<Exception>().Which.GetBaseException().Should().BeOfType<ModelFormatException>()
                .Which.Message.Should().Contain($"{network.OutputSize} outputs and the link {network.Link}");
        }
    }

    [Theory, AllTrainers]
    public void A_model_holds_its_network_and_what_happened(TrainerCase trainer)
    {
        var model = trainer.Fit().Model;

        var link = trainer.Task switch { TrainerTask.Regression => Link.Identity, TrainerTask.Binary => Link.Logistic, _ => Link.Softmax };
        (model.Network.InputSize, model.Network.OutputSize, model.Network.Link).Should().Be((4, trainer.Outputs, link));
        model.Network.Weights().Should().HaveCount(model.Network.ParameterCount);
        var history = model.History;
        (history.Seed, history.Device, history.BestEpoch).Should().Be((1, "cpu", 4));
        history.Epochs.Select(e => e.Epoch).Should().Equal(1, 2, 3, 4);
        history.Epochs.Should().OnlyContain(e => e.TrainingLoss > 0 && double.IsFinite(e.TrainingLoss) && e.TrainingMetric > 0 && e.Seconds > 0 && e.LearningRate == 1e-2f);
        history.Epochs[^1].TrainingLoss.Should().BeLessThan(history.Epochs[0].TrainingLoss);
        if (!trainer.IsDeq)
        {
            model.Equilibrium.Should().BeNull();
            history.Epochs.Should().OnlyContain(e => e.MeanIterations == 0 && e.WorstIterations == 0);
            return;
        }
        var network = (DeqNetwork)model.Network;
        network.StateSize.Should().Be(8);
        history.Epochs.Should().OnlyContain(e => e.MeanIterations >= 2 && e.WorstIterations >= e.MeanIterations && e.WorstResidual <= 1e-4 && e.WorstGradientResidual <= 1e-4 && e.ContractionBound <= 0.9f + 1e-6, "the bound itself is rounded to float32");
        model.Equilibrium.Should().Match<SolveReport>(r => r.Rows == 200 && r.Count(SolveStatus.Converged) == 200 && r.WorstResidual <= 1e-6 && r.MeanIterations > 1);
        network.Certificate.Should().Match<Certificate>(c => c.RuleHolds && c.IsProved && c.ContractionFactor > 0);
        network.UnrollCurves[0].Rows.Should().Be(200);
    }

    [Theory, AllTrainers]
    public void The_metric_in_the_history_is_that_of_the_model_over_the_validation_rows(TrainerCase trainer)
    {
        var context = new MLContext(1);
        var validation = trainer.View(context, Rows(50, 2));
        var model = trainer.Trainer(context).Fit(trainer.View(context), validation);

        var scored = model.Transform(validation);
        var metric = trainer.Task switch
        {
            TrainerTask.Regression => context.Regression.Evaluate(scored).RootMeanSquaredError,
            TrainerTask.Binary => context.BinaryClassification.Evaluate(scored).Accuracy,
            _ => context.MulticlassClassification.Evaluate(scored).MicroAccuracy,
        };
        model.Model.History.Epochs[^1].ValidationMetric.Should().BeApproximately(metric, 1e-4);
    }

    [Theory, AllTrainers(TrainerTask.Regression)]
    public void The_loss_in_the_history_is_in_squared_units_of_the_label(TrainerCase trainer)
    {
        var rows = Rows();
        foreach (var row in rows)
        {
            row.Label *= 1000;
        }
        double Last(TrainerRow[] from) => trainer.Fit(rows: from).Model.History.Epochs[^1].TrainingLoss;

        Last(rows).Should().BeApproximately(1e6 * Last(Rows()), 1e3 * Last(Rows()));
    }

    [Theory]
    [InlineData(1e-6, 0.9f, false)]
    [InlineData(1e-3, 0.9f, false)]
    [InlineData(1e-6, 0.99f, true)]
    [InlineData(1e-8, 0.9f, false)]
    public void Every_row_meets_the_scoring_tolerance_or_says_why_not(double relative, float bound, bool anderson)
    {
        var network = (DeqNetwork)TrainerCase.Deq.Fit(o =>
        {
            var deq = (DeqTrainerOptions)o;
            (deq.ScoringTolerance, deq.WellPosedness, deq.MaxIterations) = (new Tolerance(relative), WellPosedness.Spectral(bound), 60);
            deq.Solver = anderson ? new Anderson() : new Picard();
        }).Model.Network;
        var far = Rows(200, 3);
        foreach (var row in far)
        {
            row.Features = [.. row.Features.Select(x => 1e3f * x)];
        }
        var scratch = new float[network.ScratchSize];
        var z = new float[network.StateSize];
        var converged = 0;
        var weights = Linear.ToDouble(network.W.Span);
        foreach (var x in Rows().Concat(far).Select(r => r.Features))
        {
            var solution = network.Solve(x, scratch, z);
            var state = Linear.ToDouble(z);
            var injection = Float64.Injection(network, x);
            var residual = MapSolve.Residual(weights, injection, state, network.Activation, network.Scoring.Tolerance);
            var rounding = 1e-6 * (1 + (Linear.Norm(weights) * Linear.Norm(state) + Linear.Norm(Linear.ToDouble(network.U.Span)) * Linear.Norm(Linear.ToDouble(x))) / (Linear.Norm(state) + 1e-9));

            solution.Residual.Should().BeApproximately(residual, rounding);
            (solution.Residual <= relative).Should().Be(solution.Status == SolveStatus.Converged, "{0}", solution);
            if (solution.Status == SolveStatus.Converged)
            {
                converged++;
            }
            else
            {
                (solution.Status == SolveStatus.AtPrecisionLimit || solution.Status == SolveStatus.IterationLimit && solution.Iterations == 60).Should().BeTrue("{0}", solution);
            }
        }
        if (relative >= 1e-6)
        {
            converged.Should().BeGreaterThan(350);
        }
    }
}
