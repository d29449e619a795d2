using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

/// <summary>What a history says is what anybody can recompute from the model, the rows and the definition of the loss, in units of the label.</summary>
public sealed class LossUnitsTests
{
    public static TheoryData<int, bool, float> Cases()
    {
        var all = new TheoryData<int, bool, float>();
        for (var loss = 0; loss < LossReference.All.Count; loss++)
        {
            foreach (var scale in LossReference.All[loss] is RegressionLoss ? new[] { 1e3f, 1, 1e-3f } : [1])
            {
                all.Add(loss, true, scale);
                all.Add(loss, false, scale);
            }
        }
        return all;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Losses_and_metrics_of_the_history_are_those_of_the_model_in_units_of_the_label(int index, bool normalize, float scale)
    {
        var loss = LossReference.All[index];
        foreach (var architecture in new Deq.MLNet.Training.Architecture[] { Setup.Fnn(4), Setup.Deq(4) })
        {
            var (data, validation) = (Rows(loss, scale, 60, 1), Rows(loss, scale, 30, 2));
            var settings = Setup.Settings(architecture) with
            {
                Loss = loss,
                Outputs = loss is MulticlassLoss ? 3 : 1,
                ClassWeights = loss is RegressionLoss ? null : ClassWeights.Balanced,
                NormalizeTargets = normalize,
                BatchSize = int.MaxValue,
            };

            var trained = Setup.Fit(settings, data, validation: validation);
            var last = trained.History.Epochs[^1];
            // With steps of nothing, the losses over the epoch's batches are those of the model it starts from.
            var again = Setup.Fit(settings with { Epochs = 1, LearningRate = 1e-30, Optimizer = new Sgd() }, data, validation: validation, initial: trained.Network).History.Epochs[0];

            var weights = settings.ClassWeights?.Learn(data, settings.Outputs == 1 ? 2 : 3);
            Close(last.ValidationLoss!.Value, Mean(LossReference.Of, loss, trained.Network, validation, weights));
            Close(again.ValidationLoss!.Value, last.ValidationLoss.Value);
            Close(again.TrainingLoss, Mean(LossReference.Of, loss, trained.Network, data, weights));
            double Metric(TrainingData rows) => Mean(LossReference.Metric, loss, trained.Network, rows, weights) is var mean && loss is RegressionLoss ? Math.Sqrt(mean) : mean;
            Close(last.ValidationMetric!.Value, Metric(validation));
            Close(again.TrainingMetric, Metric(data));
        }
    }

    /// <summary>The delta of Huber's loss is in units of the label, however training scales these.</summary>
    [Theory]
    [InlineData(1000f)]
    [InlineData(0.001f)]
    public void Delta_grows_with_the_unit_of_the_label(float unit)
    {
        TrainedNetwork Fit(float scale, float delta) => Setup.Fit(Setup.Settings(Setup.Fnn()) with { Loss = RegressionLoss.Huber(delta), Epochs = 60, LearningRate = 0.03 }, Rows(RegressionLoss.Squared, scale, 60, 1));
        var rows = Rows(RegressionLoss.Squared, 1, 60, 1);
        float[] Outputs(TrainedNetwork trained, float scale) => [.. Setup.Outputs(trained.Network, rows).Select(y => y / scale)];

        var expected = Outputs(Fit(1, 0.2f), 1);
        Outputs(Fit(unit, 0.2f * unit), unit).LargestDifference(expected).Should().BeLessThan(1e-3);
        Outputs(Fit(unit, 0.2f), unit).LargestDifference(expected).Should().BeGreaterThan(0.01);
    }

    /// <summary>Weighted rows of three features, with labels that suit the loss.</summary>
    private static TrainingData Rows(Loss loss, float scale, int count, int seed)
    {
        var noise = Setup.Noise(count, 3, 1, seed, weighted: true);
        var labels = noise.Targets.Select((y, row) =>
        {
            var signal = y + 2 * noise.Features[3 * row];
            return loss switch
            {
                MulticlassLoss => signal < -1 ? 0 : signal < 1 ? 1 : 2,
                BinaryLoss => signal > 0 ? 1 : 0,
                PoissonLoss or TweedieLoss => scale * Math.Max(0, signal),
                _ => scale * (signal + 3),
            };
        });
        return noise with { Targets = [.. labels] };
    }

    private static double Mean(Func<Loss, double[], double, double> of, Loss loss, Network network, TrainingData rows, double[]? classWeights)
    {
        var (sum, total) = (0.0, 0.0);
        for (var row = 0; row < rows.Rows; row++)
        {
            var weight = rows.Weight(row) * (classWeights?[(int)rows.Targets[row]] ?? 1);
            sum += weight * of(loss, Float64.EvaluateAffine(network, rows.Row(row).Span), rows.Targets[row]);
            total += weight;
        }
        return sum / total;
    }

    private static void Close(double actual, double expected) => actual.Should().BeApproximately(expected, 1e-4 * Math.Abs(expected));
}
