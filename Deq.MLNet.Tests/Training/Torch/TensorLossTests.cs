using CsCheck;
using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch;

public sealed class TensorLossTests
{
    /// <summary>A loss with a few rows of outputs and labels, of which every third is 0.</summary>
    private static readonly Gen<(Loss Loss, double[][] Outputs, double[] Labels)> Batches =
        from loss in Gen.OneOfConst([.. LossReference.All])
        from classes in Gen.Int[2, 5]
        from rows in Gen.Int[1, 9]
        from outputs in Gen.Double[-4, 4].Array[loss is MulticlassLoss ? classes : 1].Array[rows]
        from labels in Label(loss, classes).Array[rows]
        select (loss, outputs, labels);

    private static Gen<double> Label(Loss loss, int classes) => loss switch
    {
        MulticlassLoss => Gen.Int[0, classes - 1].Select(k => (double)k),
        BinaryLoss => Gen.Int[0, 1].Select(k => (double)k),
        PoissonLoss or TweedieLoss => Gen.Frequency((1, Gen.Const(0.0)), (2, Gen.Double[0.01, 9])),
        _ => Gen.Double[-5, 5],
    };

    [Theory, OnDevices]
    public void Losses_and_metrics_are_those_of_the_definition_and_gradients_their_differences(string device)
    {
        TorchBackend.EnsureAvailable(device);
        Batches.Sample(batch =>
        {
            var (loss, outputs, labels) = batch;
            var (losses, metrics, gradients) = Compute(loss, outputs, labels, ScalarType.Float64, device);
            for (var row = 0; row < labels.Length; row++)
            {
                var (o, y) = (outputs[row], labels[row]);
                var expected = LossReference.Of(loss, o, y);
                losses[row].Should().BeApproximately(expected, 1e-9 * (1 + Math.Abs(expected)), "{0} at {1} for {2}", loss, o, y);
                metrics[row].Should().BeApproximately(LossReference.Metric(loss, o, y), 1e-9 * (1 + metrics[row]));
                if (LossReference.DistanceToKink(loss, o, y) < 1e-4)
                {
                    continue;
                }
                foreach (var (actual, difference) in gradients[row].Zip(LossReference.Gradient(loss, o, y)))
                {
                    actual.Should().BeApproximately(difference, 1e-6 * (1 + Math.Abs(difference)), "{0} at {1} for {2}", loss, o, y);
                }
            }
        }, iter: LongForm.Times(300), threads: 1);
    }

    [Theory, OnDevices]
    public void Extreme_outputs_give_numbers_in_float32_that_agree_with_the_definition(string device)
    {
        TorchBackend.EnsureAvailable(device);
        double[] extremes = [-80, -40, -1e-30, 0, 1e-30, 17, 40, 80];
        foreach (var loss in LossReference.All)
        {
            double[] labels = loss is RegressionLoss ? [0, 1e-3, 1, 1e4] : loss is BinaryLoss ? [0, 1] : [0, 1, 2];
            foreach (var y in labels)
            {
                double[][] outputs = [.. extremes.Select(o => loss is MulticlassLoss ? new[] { o, -o, 3 } : [o])];
                var (losses, metrics, gradients) = Compute(loss, outputs, [.. extremes.Select(_ => y)], ScalarType.Float32, device);

                losses.Concat(metrics).Concat(gradients.SelectMany(g => g)).Should().NotContain(double.NaN, "{0} for {1}", loss, y);
                gradients.SelectMany(g => g).Should().OnlyContain(g => double.IsFinite(g), "{0} for {1}", loss, y);
                foreach (var (actual, o) in losses.Zip(outputs))
                {
                    var expected = LossReference.Of(loss, o, y);
                    // The rounding of the output itself, magnified by its exponential; and, for labels far from 1, what the terms of a deviance lose.
                    actual.Should().BeApproximately(expected, 2e-5 * Math.Abs(expected) + 1e-6 * (1 + y * (Math.Abs(o[0]) + 10)), "{0} at {1} for {2}", loss, o, y);
                }
            }
        }
    }

    [Fact]
    public void Losses_of_several_targets_add_up()
    {
        TorchBackend.EnsureAvailable();
        using var scope = NewDisposeScope();
        foreach (var loss in LossReference.All.OfType<RegressionLoss>())
        {
            var rows = TensorLoss.Of(loss, tensor(new double[,] { { 0.3, -0.7 } }), tensor(new double[,] { { 2, 0.5 } }));

            rows.Loss.item<double>().Should().BeApproximately(LossReference.Of(loss, [0.3], 2) + LossReference.Of(loss, [-0.7], 0.5), 1e-9);
            rows.Metric.item<double>().Should().BeApproximately(LossReference.Metric(loss, [0.3], 2) + LossReference.Metric(loss, [-0.7], 0.5), 1e-9);
            rows.Gradient.shape.Should().Equal(1, 2);
        }
    }

    [Fact]
    public void Focal_without_focus_is_the_logistic_loss_and_smoothing_of_nothing_plain_cross_entropy()
    {
        double[][] outputs = [[-3], [0.2], [5]];
        Same(BinaryLoss.Focal(0), BinaryLoss.Logistic, outputs, [1, 0, 1], 1e-15);
        // Two classes with the outputs 0 and s have the probabilities of the score s.
        var two = Compute(MulticlassLoss.CrossEntropy(), [.. outputs.Select(o => new[] { 0, o[0] })], [1, 0, 1]);
        var one = Compute(BinaryLoss.Logistic, outputs, [1, 0, 1]);
        Close(two.Losses, one.Losses, 1e-14);
        Close(two.Gradients.Select(g => g[1]), one.Gradients.Select(g => g[0]), 1e-14);
        two.Metrics.Should().Equal(one.Metrics).And.Equal(0, 0, 1);
    }

    [Fact]
    public void Huber_is_half_the_square_within_delta_and_delta_times_the_absolute_beyond()
    {
        const double delta = 0.75, near = 1e-9;
        double[][] outputs = [[delta - near], [delta + near], [near - delta], [-delta - near]];
        var huber = Compute(RegressionLoss.Huber((float)delta), outputs, [0, 0, 0, 0]);

        Close(huber.Losses, Enumerable.Repeat(delta * delta / 2, 4), 1e-8);
        Close(huber.Gradients.Select(g => g[0]), [delta, delta, -delta, -delta], 2e-9);
        double[][] wide = [[0.2], [-0.2], [40], [-40]];
        Close(Compute(RegressionLoss.Huber((float)delta), wide, [0, 0, 0, 0]).Losses, [0.02, 0.02, delta * (40 - delta / 2), delta * (40 - delta / 2)], 1e-12);
    }

    [Fact]
    public void Tweedie_goes_over_into_Poisson_as_its_power_goes_to_1()
    {
        double[][] outputs = [[-1], [0], [1.5], [2]];
        double[] labels = [0, 3, 0.5, 8];
        double Distance(float power)
        {
            var (tweedie, poisson) = (Compute(RegressionLoss.Tweedie(power), outputs, labels), Compute(RegressionLoss.Poisson, outputs, labels));
            return tweedie.Losses.Concat(tweedie.Gradients.Select(g => g[0])).LargestDifference(poisson.Losses.Concat(poisson.Gradients.Select(g => g[0])));
        }

        Distance(1.001f).Should().BeLessThan(0.05);
        (Distance(1.01f) / Distance(1.001f)).Should().BeApproximately(10, 0.5, "the distance is of first order");
    }

    /// <summary>Exactly at a kink the gradient is one of those on its sides, or between them.</summary>
    [Fact]
    public void At_a_kink_the_gradient_lies_between_those_beside_it()
    {
        Compute(RegressionLoss.Absolute, [[2]], [2]).Gradients[0].Should().Equal(0);
        Compute(RegressionLoss.Huber(0.5f), [[2.5]], [2]).Gradients[0].Should().Equal(0.5);
        Compute(BinaryLoss.Hinge, [[1]], [1]).Gradients[0][0].Should().BeInRange(-1, 0);
        // As ML.NET has it, a score of 0 is the class false.
        Compute(BinaryLoss.Logistic, [[0], [0]], [0, 1]).Metrics.Should().Equal(1, 0);
    }

    private static void Same(Loss a, Loss b, double[][] outputs, double[] labels, double allowed)
    {
        var (x, y) = (Compute(a, outputs, labels), Compute(b, outputs, labels));
        Close(x.Losses, y.Losses, allowed);
        Close(x.Metrics, y.Metrics, allowed);
        Close(x.Gradients.SelectMany(g => g), y.Gradients.SelectMany(g => g), allowed);
    }

    private static void Close(IEnumerable<double> actual, IEnumerable<double> expected, double allowed) =>
        actual.LargestDifference(expected).Should().BeLessThanOrEqualTo(allowed);

    private static (double[] Losses, double[] Metrics, double[][] Gradients) Compute(Loss loss, double[][] outputs, double[] labels, ScalarType type = ScalarType.Float64, string where = "cpu")
    {
        TorchBackend.EnsureAvailable(where);
        using var scope = NewDisposeScope();
        var columns = outputs[0].Length;
        Tensor Make(double[] values, long width) => tensor(values).view(-1, width).to(type, device(where));
        var rows = TensorLoss.Of(loss, Make([.. outputs.SelectMany(o => o)], columns), Make(labels, 1));
        double[] Read(Tensor values) => values.to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
        rows.Loss.shape.Should().Equal(labels.Length, 1);
        rows.Metric.shape.Should().Equal(labels.Length, 1);
        return (Read(rows.Loss), Read(rows.Metric), [.. Read(rows.Gradient).Chunk(columns)]);
    }
}
