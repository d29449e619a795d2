using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

public sealed class ClassWeightsTests
{
    private static readonly TrainingSettings Binary = Setup.Settings(Setup.Fnn(4)) with { Loss = BinaryLoss.Logistic };

    private static readonly TrainingSettings Multiclass = Binary with { Loss = MulticlassLoss.CrossEntropy(), Outputs = 3 };

    /// <summary>Rows whose classes are 0, 1 (and 2) in the numbers given.</summary>
    private static TrainingData Rows(params int[] counts)
    {
        float[] classes = [.. counts.SelectMany((count, k) => Enumerable.Repeat((float)k, count))];
        return Setup.Noise(classes.Length, 3, 1, 1) with { Targets = classes };
    }

    private static float[] Weights(TrainingSettings settings, TrainingData data) => Setup.Fit(settings, data).Network.Weights();

    [Fact]
    public void Balanced_weights_are_the_rows_over_the_classes_and_the_rows_of_the_class()
    {
        ClassWeights.Balanced.Learn(Rows(30, 10), 2).Should().Equal(40 / (2 * 30.0), 40 / (2 * 10.0));
        ClassWeights.Balanced.Learn(Rows(30, 10, 20), 3).Should().Equal(60 / (3 * 30.0), 60 / (3 * 10.0), 60 / (3 * 20.0));
        // Rows count by their own weights; a class without rows is not counted.
        ClassWeights.Balanced.Learn(Rows(2, 1) with { Weights = [1, 2, 9] }, 2).Should().Equal(12 / (2 * 3.0), 12 / (2 * 9.0));
        ClassWeights.Balanced.Learn(Rows(3, 0, 1), 3).Should().Equal(4 / (2 * 3.0), 1, 4 / (2 * 1.0));
    }

    [Fact]
    public void Balanced_trains_as_the_same_weights_given()
    {
        Weights(Binary with { ClassWeights = ClassWeights.Balanced }, Rows(30, 10)).Should().Equal(Weights(Binary with { ClassWeights = ClassWeights.Given(40 / 60f, 2) }, Rows(30, 10)));
        Weights(Multiclass with { ClassWeights = ClassWeights.Balanced }, Rows(32, 16, 48)).Should().Equal(Weights(Multiclass with { ClassWeights = ClassWeights.Given(1, 2, 96 / 144f) }, Rows(32, 16, 48)));
        Weights(Binary with { ClassWeights = ClassWeights.Balanced }, Rows(30, 10)).Should().NotEqual(Weights(Binary, Rows(30, 10)));
        Weights(Binary with { ClassWeights = ClassWeights.Balanced }, Rows(20, 20)).Should().Equal(Weights(Binary, Rows(20, 20)));
    }

    /// <summary>Without scaling, weights of classes and of rows are the same thing; with it they differ, since only rows' own weights count in its statistics.</summary>
    [Fact]
    public void Class_weights_are_row_weights_in_the_loss_and_leave_the_scaling_alone()
    {
        var data = Rows(30, 10);
        var byClass = Binary with { ClassWeights = ClassWeights.Given(1, 4) };
        var byRow = data with { Weights = [.. data.Targets.Select(k => k == 1 ? 4f : 1)] };

        Weights(byClass with { NormalizeFeatures = false }, data).Should().Equal(Weights(Binary with { NormalizeFeatures = false }, byRow));
        Weights(byClass, data).Should().NotEqual(Weights(Binary, byRow));

        TrainingData Attached(TrainingSettings settings, TrainingData rows)
        {
            var engine = new FakeEngine();
            NetworkTraining.Fit(settings, (_, _) => engine, Setup.Copy(rows), null, null, new RecordingMonitor());
            return engine.Attached!;
        }
        // The engine that only records has one feature.
        var (narrow, narrowByRow) = (data with { FeatureCount = 1, Features = data.Features[..40] }, byRow with { FeatureCount = 1, Features = data.Features[..40] });
        var weighted = Attached(byClass, narrow);
        weighted.Features.Should().Equal(Attached(Binary, narrow).Features).And.NotEqual(Attached(Binary, narrowByRow).Features);
        weighted.Weights.Should().Equal(byRow.Weights);
        Attached(byClass, narrow with { Weights = [.. Enumerable.Range(0, 40).Select(i => 1f + i % 2)] }).Weights.Should().Equal(byRow.Weights!.Select((w, i) => w * (1 + i % 2) / 2), "the products, in units that bring their mean near 1");
        Attached(Binary with { ClassWeights = ClassWeights.Given(1e38f, 1e-38f) }, narrow).Weights.Should().OnlyContain(w => w > 0 && w < 4);
        foreach (var batch in new[] { 4, 40 })
        {
            Setup.Fit(Binary with { ClassWeights = ClassWeights.Given(1e38f, 1e-38f), Shuffle = false, BatchSize = batch }, data).History.Epochs.Should().OnlyContain(e => e.TrainingLoss > 0, "also batches of the light class alone have a mean");
        }
    }

    [Fact]
    public void Class_weights_count_in_the_validation_loss_too()
    {
        var validation = Rows(5, 5);
        double Loss(ClassWeights? weights) => Setup.Fit(Binary with { ClassWeights = weights, LearningRate = 1e-30, Optimizer = new Sgd(), Epochs = 1 }, Rows(30, 10), validation: validation).History.Epochs[0].ValidationLoss!.Value;
        var (ofFalse, ofTrue) = (Loss(ClassWeights.Given(1, 1e-9f)), Loss(ClassWeights.Given(1e-9f, 1)));

        ofFalse.Should().NotBeApproximately(ofTrue, 1e-3);
        Loss(null).Should().BeApproximately((ofFalse + ofTrue) / 2, 1e-6);
        Loss(ClassWeights.Given(3, 1)).Should().BeApproximately((3 * ofFalse + ofTrue) / 4, 1e-6);
    }

    [Fact]
    public void A_number_of_weights_that_is_not_that_of_the_classes_is_refused()
    {
        FluentActions.Invoking(() => Weights(Binary with { ClassWeights = ClassWeights.Given(1, 2, 3) }, Rows(3, 3))).Should().Throw<DeqException>().WithMessage("ClassWeights has 3 weights; the label has 2 classes*");
        FluentActions.Invoking(() => Weights(Multiclass with { ClassWeights = ClassWeights.Given(1, 2) }, Rows(3, 3, 3))).Should().Throw<DeqException>().WithMessage("ClassWeights has 2 weights; the label has 3 classes*");
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(-1f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_weight_that_is_not_positive_is_refused(float weight) =>
        FluentActions.Invoking(() => ClassWeights.Given(1, weight)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("weights?1? is*it must be positive*");

    [Fact]
    public void Weights_are_those_given_when_they_were_given()
    {
        float[] weights = [1, 2];
        var given = ClassWeights.Given(weights);
        weights[0] = 7;
        given.Learn(Rows(1, 1), 2).Should().Equal(1, 2);
        (given.ToString(), ClassWeights.Balanced.ToString()).Should().Be(("Given(1, 2)", "Balanced"));
    }
}
