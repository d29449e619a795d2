using TorchSharp;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Rows that stand on the device. On the CPU in float32 they are the arrays given.</summary>
internal sealed class ResidentRows : DeviceRows
{
    private readonly Tensor _x, _y, _weight;

    public ResidentRows(TrainingData data, TensorPlace place) : base(place)
    {
        using var scope = NewDisposeScope();
        // The tensor pins the array and frees the pin with its storage, which views and shares hold.
        Tensor Share(float[] values, int columns) => frombuffer(values, ScalarType.Float32).view(data.Rows, columns).to(place.Type, place.Device);
        _x = Share(data.Features, data.FeatureCount);
        _y = Share(data.Targets, data.TargetCount);
        _weight = data.Weights is null ? ones([1, 1], place.Type, place.Device).expand(data.Rows, 1) : Share(data.Weights, 1);
        scope.Detach(_x, _y, _weight);
    }

    public override string? Notice => Place.Device.type == DeviceType.CPU ? null : $"The rows stand on {Place.Device}.";

    public override Batch Take(long start, long count)
    {
        var indices = Indices(start, count);
        Tensor Part(Tensor rows) => indices is null ? rows.narrow(0, start, count).clone() : rows.index_select(0, indices);
        return new(Part(_x), Part(_y), Part(_weight), indices);
    }

    public override void Dispose()
    {
        base.Dispose();
        _x.Dispose();
        _y.Dispose();
        _weight.Dispose();
    }
}
