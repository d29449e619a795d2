using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Training rows on a device.</summary>
internal sealed class DeviceRows : IDisposable
{
    private readonly Tensor _x, _y, _weight;

    public DeviceRows(TrainingData data, Device device, ScalarType type)
    {
        Tensor Copy(float[] values, int columns)
        {
            using var host = tensor(values);
            using var shaped = host.view(data.Rows, columns);
            // A copy even where nothing is converted: the tensor must own its memory.
            return shaped.to(type, device, copy: true).DetachFromDisposeScope();
        }
        _x = Copy(data.Features, data.FeatureCount);
        _y = Copy(data.Targets, data.TargetCount);
        _weight = data.Weights is null ? ones([data.Rows, 1], type, device).DetachFromDisposeScope() : Copy(data.Weights, 1);
    }

    /// <summary>Some rows: X (B x n), Y (B x T), Weight (B x 1).</summary>
    internal readonly record struct Batch(Tensor X, Tensor Y, Tensor Weight);

    /// <summary>The rows with these indices, in the caller's dispose scope.</summary>
    public Batch Gather(ReadOnlySpan<int> rows)
    {
        var indices = tensor(rows.ToArray()).to(_x.device);
        return new Batch(_x.index_select(0, indices), _y.index_select(0, indices), _weight.index_select(0, indices));
    }

    /// <summary>Consecutive rows, in the caller's dispose scope.</summary>
    public Batch Slice(long start, long count) => new(_x.narrow(0, start, count), _y.narrow(0, start, count), _weight.narrow(0, start, count));

    public void Dispose()
    {
        _x.Dispose();
        _y.Dispose();
        _weight.Dispose();
    }
}
