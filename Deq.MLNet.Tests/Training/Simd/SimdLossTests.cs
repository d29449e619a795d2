using CsCheck;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Losses;
using Deq.MLNet.Training.Simd;

namespace Deq.MLNet.Tests.Training.Simd;

public sealed class SimdLossTests
{
    private static readonly Gen<(Loss Loss, double[][] Outputs, double[] Labels, int Seed)> Batches =
        from loss in Gen.OneOfConst([.. LossReference.All])
        from classes in Gen.Int[2, 70]
        from rows in Gen.Int[1, 20]
        from outputs in Gen.Double[-4, 4].Array[loss is MulticlassLoss ? classes : 1].Array[rows]
        from labels in Label(loss, classes).Array[rows]
        from seed in Gen.Int[0, 1_000_000]
        select (loss, outputs, labels, seed);

    private static Gen<double> Label(Loss loss, int classes) => loss switch
    {
        MulticlassLoss => Gen.Int[0, classes - 1].Select(k => (double)k),
        BinaryLoss => Gen.Int[0, 1].Select(k => (double)k),
        PoissonLoss or TweedieLoss => Gen.Frequency((1, Gen.Const(0.0)), (2, Gen.Double[0.01, 9])),
        _ => Gen.Double[-5, 5],
    };

    /// <summary>Float32 rounds gradients alone, and the exponentials of the softmax.</summary>
    [Fact]
    public void Sums_are_those_of_the_definition_and_gradients_their_differences() => Batches.Sample(batch =>
    {
        var loss = batch.Loss;
        var random = new Random(batch.Seed);
        var weights = RandomCell.Values(random, batch.Labels.Length, 1).Select(w => 0.1f + Math.Abs(w)).ToArray();
        double[] labels = [.. batch.Labels.Select(y => (double)(float)y)];
        double[][] outputs = [.. batch.Outputs.Select(row => row.Select(o => (double)(float)o).ToArray())];
        var (sums, gradients) = Compute(loss, outputs, labels, weights);
        var total = weights.Sum(w => (double)w);

        sums.Weight.Should().BeApproximately(total, 1e-12 * total);
        var expected = labels.Select((y, row) => weights[row] * LossReference.Of(loss, outputs[row], y)).Sum();
        sums.Loss.Should().BeApproximately(expected, (loss is MulticlassLoss ? 1e-6 : 1e-12) * (1 + Math.Abs(expected)) * labels.Length, "{0}", loss);
        var metric = labels.Select((y, row) => weights[row] * LossReference.Metric(loss, outputs[row], y)).Sum();
        sums.Metric.Should().BeApproximately(metric, 1e-12 * (1 + metric));
        for (var row = 0; row < labels.Length; row++)
        {
            if (LossReference.DistanceToKink(loss, outputs[row], labels[row]) < 1e-4)
            {
                continue;
            }
            foreach (var (actual, difference) in gradients[row].Zip(LossReference.Gradient(loss, outputs[row], labels[row])))
            {
                actual.Should().BeApproximately(weights[row] / total * difference, 1e-6 * (1 + Math.Abs(difference)), "{0} at {1} for {2}", loss, outputs[row], labels[row]);
            }
        }
        // Rows of padding are like the last one.
        gradients[^1].Should().Equal(gradients[labels.Length - 1]);
    }, iter: LongForm.Times(400), threads: 1);

    /// <summary>TensorPrimitives.IndexOfMax takes 0 for larger than -0.</summary>
    [Fact]
    public void Of_equal_outputs_the_first_is_the_class_even_if_it_is_minus_zero()
    {
        Compute(MulticlassLoss.CrossEntropy(), [[-1, -0.0, 0]], [1], [1]).Sums.Metric.Should().Be(1);
        Compute(MulticlassLoss.CrossEntropy(), [[2, 2, 0]], [0], [1]).Sums.Metric.Should().Be(1);
    }

    [Fact]
    public void Extreme_outputs_give_numbers_that_agree_with_the_definition()
    {
        double[] extremes = [-80, -40, -1e-30, 0, 1e-30, 17, 40, 80];
        foreach (var loss in LossReference.All)
        {
            double[] labels = loss is RegressionLoss ? [0, 1e-3, 1, 1e4] : loss is BinaryLoss ? [0, 1] : [0, 1, 2];
            foreach (var (given, extreme) in labels.SelectMany(y => extremes.Select(o => (y, (double)(float)o))))
            {
                var y = (double)(float)given;
                double[] o = loss is MulticlassLoss ? [extreme, -extreme, 3] : [extreme];
                var (sums, gradients) = Compute(loss, [o], [y], [1]);

                gradients[0].Should().OnlyContain(g => double.IsFinite(g), "{0} for {1}", loss, y);
                double.IsFinite(sums.Metric).Should().BeTrue();
                var expected = LossReference.Of(loss, o, y);
                // For labels far from 1, what the terms of a deviance lose; the sum of a softmax is one of float32.
                sums.Loss.Should().BeApproximately(expected, 1e-6 * Math.Abs(expected) + (loss is MulticlassLoss ? 1e-7 : 1e-12) * (1 + y * (Math.Abs(o[0]) + 10)), "{0} at {1} for {2}", loss, o, y);
            }
        }
    }

    [Fact]
    public void Losses_of_several_targets_add_up()
    {
        foreach (var loss in LossReference.All.OfType<RegressionLoss>())
        {
            var batch = new SimdBatch(1, 1, 2);
            new[] { 0.25f, -0.75f }.CopyTo(batch.Outputs[0]);
            var data = new TrainingData(1, 2, [0], [2, 0.5f], null);
            batch.Gather(data);

            var sums = SimdLoss.Create(loss).Of(batch, data, new RowBlock(0, 1));

            sums.Loss.Should().BeApproximately(LossReference.Of(loss, [0.25], 2) + LossReference.Of(loss, [-0.75], 0.5), 1e-12);
            sums.Metric.Should().BeApproximately(LossReference.Metric(loss, [0.25], 2) + LossReference.Metric(loss, [-0.75], 0.5), 1e-12);
            batch.OutputGradient[0].ToArray().Should().NotContain(0);
        }
    }

    [Fact]
    public void At_a_kink_the_gradient_lies_between_those_beside_it_and_what_is_no_number_stays_none()
    {
        Compute(RegressionLoss.Absolute, [[2]], [2], [1]).Gradients[0].Should().Equal(0);
        Compute(RegressionLoss.Huber(0.5f), [[2.5]], [2], [1]).Gradients[0].Should().Equal(0.5);
        Compute(BinaryLoss.Hinge, [[1]], [1], [1]).Gradients[0][0].Should().BeInRange(-1, 0);
        // As ML.NET has it, a score of 0 is the class false.
        Compute(BinaryLoss.Logistic, [[0]], [0], [1]).Sums.Metric.Should().Be(1);
        Compute(BinaryLoss.Logistic, [[0]], [1], [1]).Sums.Metric.Should().Be(0);
        foreach (var loss in LossReference.All)
        {
            var (sums, _) = Compute(loss, [[double.NaN, .. loss is MulticlassLoss ? new[] { 1.0 } : []]], [1], [1]);
            sums.Loss.Should().Be(double.NaN, "{0}", loss);
        }
    }

    private static (LossSums Sums, double[][] Gradients) Compute(Loss loss, double[][] outputs, double[] labels, float[] weights)
    {
        var batch = new SimdBatch(labels.Length, 1, outputs[0].Length);
        // The order of a batch is not that of the data.
        int[] order = [.. Enumerable.Range(0, labels.Length).Reverse()];
        order.CopyTo(batch.Indices, 0);
        for (var row = 0; row < labels.Length; row++)
        {
            outputs[row].Select(o => (float)o).ToArray().CopyTo(batch.Outputs[row]);
        }
        var data = new TrainingData(1, 1, new float[labels.Length], [.. order.Select(i => (float)labels[i])], [.. order.Select(i => weights[i])]);
        batch.Gather(data);
        var block = new RowBlock(0, labels.Length);
        var sums = SimdLoss.Create(loss).Of(batch, data, block);
        return (sums, [.. Enumerable.Range(0, block.Padded).Select(row => Linear.ToDouble(batch.OutputGradient[row].ToArray()))]);
    }
}
