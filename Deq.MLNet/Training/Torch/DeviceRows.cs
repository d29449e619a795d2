using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Training rows on a device. On the CPU in float32 they are the arrays given, which nobody may write to while this lives.</summary>
internal sealed class DeviceRows : IDisposable
{
    private readonly Tensor _x, _y, _weight;
    private Tensor? _order;

    public DeviceRows(TrainingData data, TensorPlace place)
    {
        var (device, type) = (place.Device, place.Type);
        Tensor Share(float[] values, int columns)
        {
            // The tensor pins the array and frees the pin with its storage, which views and shares hold.
            using var host = frombuffer(values, ScalarType.Float32);
            using var shaped = host.view(data.Rows, columns);
            return shaped.to(type, device).DetachFromDisposeScope();
        }
        _x = Share(data.Features, data.FeatureCount);
        _y = Share(data.Targets, data.TargetCount);
        using var one = ones([1, 1], type, device);
        _weight = data.Weights is null ? one.expand(data.Rows, 1).DetachFromDisposeScope() : Share(data.Weights, 1);
    }

    /// <summary>Some rows: X (B x n), Y (B x T), Weight (B x 1), and their indices where they are to be trained on.</summary>
    internal readonly record struct Batch(Tensor X, Tensor Y, Tensor Weight, Tensor? Rows);

    /// <summary>The indices of rows in the order of the batches to come.</summary>
    public void Order(int[] rows)
    {
        _order?.Dispose();
        using var host = tensor(rows);
        _order = host.to(_x.device).DetachFromDisposeScope();
    }

    /// <summary>Consecutive rows of the order, in the caller's dispose scope.</summary>
    public Batch Take(long start, long count)
    {
        var indices = _order!.narrow(0, start, count);
        return new Batch(_x.index_select(0, indices), _y.index_select(0, indices), _weight.index_select(0, indices), indices);
    }

    /// <summary>Consecutive rows, in the caller's dispose scope; copied, since a product's last bits may depend on where an array starts in memory.</summary>
    public Batch Slice(long start, long count)
    {
        Tensor Part(Tensor rows) => rows.narrow(0, start, count).clone();
        return new(Part(_x), Part(_y), Part(_weight), null);
    }

    public void Dispose()
    {
        _x.Dispose();
        _y.Dispose();
        _weight.Dispose();
        _order?.Dispose();
    }
}
