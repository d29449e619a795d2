using System.Numerics.Tensors;
using Deq.MLNet.Training.Losses;

namespace Deq.MLNet.Training.Simd;

/// <summary>The losses of the rows of a block, in float64 but for the softmax, whose exponentials are vectors of float32.</summary>
internal abstract class SimdLoss
{
    public static SimdLoss Create(Loss loss) => loss switch
    {
        CrossEntropyLoss crossEntropy => new SoftmaxLoss(crossEntropy.LabelSmoothing),
        _ => new ElementwiseLoss(IOutputLoss.Of(loss)),
    };

    /// <summary>Writes the gradient of the mean loss over the batch by the outputs of a block, and returns the sums over its rows.</summary>
    /// <param name="batch">With the outputs of the block; its gradient is written, rows of padding like the last one.</param>
    /// <param name="data">Where the rows' targets and weights are: labels (whose losses add up), 0 or 1, or the index of a class.</param>
    /// <param name="rows">The block.</param>
    public LossSums Of(SimdBatch batch, TrainingData data, RowBlock rows)
    {
        var sums = Rows(batch, data, rows);
        for (var row = rows.Count; row < rows.Padded; row++)
        {
            batch.OutputGradient[rows.First + rows.Count - 1].CopyTo(batch.OutputGradient[rows.First + row]);
        }
        return sums;
    }

    protected abstract LossSums Rows(SimdBatch batch, TrainingData data, RowBlock rows);

    private sealed class ElementwiseLoss(IOutputLoss loss) : SimdLoss
    {
        protected override LossSums Rows(SimdBatch batch, TrainingData data, RowBlock rows)
        {
            var (lossSum, metricSum, weightSum, columns) = (0.0, 0.0, 0.0, data.TargetCount);
            for (var row = rows.First; row < rows.First + rows.Count; row++)
            {
                var index = batch.Indices[row];
                var weight = data.Weight(index);
                var share = weight / batch.TotalWeight;
                var outputs = batch.Outputs[row];
                var gradient = batch.OutputGradient[row];
                for (var i = 0; i < outputs.Length; i++)
                {
                    var of = loss.Of(outputs[i], data.Targets[index * columns + i]);
                    lossSum += weight * of.Loss;
                    metricSum += weight * of.Metric;
                    gradient[i] = (float)(share * of.Gradient);
                }
                weightSum += weight;
            }
            return new LossSums(lossSum, metricSum, weightSum);
        }
    }

    /// <summary>With M the largest output, -log p_k is log(sum of exp(o - M)) - (o_k - M).</summary>
    private sealed class SoftmaxLoss(double smoothing) : SimdLoss
    {
        protected override LossSums Rows(SimdBatch batch, TrainingData data, RowBlock rows)
        {
            var sums = default(LossSums);
            for (var row = rows.First; row < rows.First + rows.Count; row++)
            {
                var index = batch.Indices[row];
                var weight = data.Weight(index);
                var outputs = batch.Outputs[row];
                var gradient = batch.OutputGradient[row];
                var (label, spread) = ((int)data.Targets[index], smoothing / outputs.Length);
                var largest = TensorPrimitives.Max<float>(outputs);
                TensorPrimitives.Subtract(outputs, largest, gradient);
                var wanted = (1 - smoothing) * gradient[label] + (spread > 0 ? spread * TensorPrimitives.Sum(gradient) : 0);
                TensorPrimitives.Exp(gradient, gradient);
                double sum = TensorPrimitives.Sum(gradient);
                var share = weight / batch.TotalWeight;
                TensorPrimitives.Multiply(gradient, (float)(share / sum), gradient);
                if (spread > 0)
                {
                    TensorPrimitives.Subtract(gradient, (float)(share * spread), gradient);
                }
                gradient[label] -= (float)(share * (1 - smoothing));
                sums += new LossSums(weight * (Math.Log(sum) - wanted), outputs.IndexOf(largest) == label ? weight : 0, weight);
            }
            return sums;
        }
    }
}
