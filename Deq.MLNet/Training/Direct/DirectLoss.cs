using System.Numerics.Tensors;
using Deq.MLNet.Training.Losses;

namespace Deq.MLNet.Training.Direct;

/// <summary>The losses of rows in float64.</summary>
internal sealed class DirectLoss(Loss loss)
{
    private readonly IOutputLoss? _elementwise = loss is CrossEntropyLoss ? null : IOutputLoss.Of(loss);
    private readonly double _smoothing = loss is CrossEntropyLoss crossEntropy ? crossEntropy.LabelSmoothing : 0;

    /// <summary>Writes the gradient of the mean loss over the rows by their outputs, and returns the sums over them.</summary>
    /// <param name="outputs">K affine outputs of each row; overwritten.</param>
    /// <param name="row">Of the data.</param>
    /// <param name="data">Its targets and weight.</param>
    /// <param name="totalWeight">Of the rows that the mean is over.</param>
    public LossSums Of(Span<double> outputs, int row, TrainingData data, double totalWeight)
    {
        var weight = data.Weight(row);
        var (sum, metric) = (0.0, 0.0);
        if (_elementwise is null)
        {
            (sum, metric) = Softmax(outputs, (int)data.Targets[row]);
        }
        else
        {
            for (var k = 0; k < outputs.Length; k++)
            {
                var of = _elementwise.Of(outputs[k], data.Targets[row * data.TargetCount + k]);
                (sum, metric, outputs[k]) = (sum + of.Loss, metric + of.Metric, of.Gradient);
            }
        }
        TensorPrimitives.Multiply(outputs, weight / totalWeight, outputs);
        return new LossSums(weight * sum, weight * metric, weight);
    }

    /// <summary>With M the largest output, -log p_k is log(sum of exp(o - M)) - (o_k - M).</summary>
    private (double Loss, double Metric) Softmax(Span<double> outputs, int label)
    {
        var hit = TensorPrimitives.IndexOfMax<double>(outputs) == label ? 1 : 0;
        TensorPrimitives.Subtract(outputs, TensorPrimitives.Max<double>(outputs), outputs);
        var spread = _smoothing / outputs.Length;
        var wanted = (1 - _smoothing) * outputs[label] + spread * TensorPrimitives.Sum<double>(outputs);
        TensorPrimitives.Exp(outputs, outputs);
        var sum = TensorPrimitives.Sum<double>(outputs);
        TensorPrimitives.Divide(outputs, sum, outputs);
        TensorPrimitives.Subtract(outputs, spread, outputs);
        outputs[label] -= 1 - _smoothing;
        return (Math.Log(sum) - wanted, hit);
    }
}
