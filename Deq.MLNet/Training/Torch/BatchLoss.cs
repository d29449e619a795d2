using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>The mean loss over a batch, every row by its weight, in the caller's dispose scope.</summary>
internal sealed class BatchLoss
{
    private readonly Loss _loss;
    private readonly DeviceRows.Batch _batch;
    private readonly Tensor _total;

    public BatchLoss(Loss loss, DeviceRows.Batch batch)
    {
        (_loss, _batch) = (loss, batch);
        _total = batch.Weight.sum(0L, type: ScalarType.Float64).to(batch.Weight.dtype);
    }

    /// <summary>What each row has of the mean, B x 1; it sums to 1.</summary>
    public Tensor Share => _batch.Weight / _total;

    /// <summary>The sums over the batch of weighted loss, weighted metric and weight, in float64, and the gradient of the mean loss by the outputs, B x K.</summary>
    public (Tensor Sums, Tensor Gradient) Of(Tensor outputs)
    {
        var (rows, weight) = (TensorLoss.Of(_loss, outputs, _batch.Y), _batch.Weight);
        var sums = cat([rows.Loss * weight, rows.Metric * weight, weight], 1).sum(0L, type: ScalarType.Float64);
        return (sums, rows.Gradient.mul_(weight).div_(_total));
    }
}
