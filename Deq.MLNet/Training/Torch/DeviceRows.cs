using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>Rows to train on or to evaluate, given to the device by batches. They stand there where they fit, else they are copied there in blocks. Nobody may write to their arrays while this lives.</summary>
internal abstract class DeviceRows(TensorPlace place) : IDisposable
{
    private Tensor? _order;

    /// <summary>Some rows: X (B x n), Y (B x T), Weight (B x 1), and their indices; null where no order was given.</summary>
    internal readonly record struct Batch(Tensor X, Tensor Y, Tensor Weight, Tensor? Rows);

    /// <summary>
    /// Makes rows in the form that fits. Called when weights, the optimizer's and kept states stand: of what is free then, rows may take half.
    /// The rest is for a step's buffers and for libtorch's cache of freed ones, of which nobody knows before the first steps how large they become.
    /// What libtorch has kept for itself since an earlier training counts as taken: only it could tell, and TorchSharp has no call for that.
    /// </summary>
    /// <param name="data">The rows.</param>
    /// <param name="place">Where to.</param>
    /// <param name="batchSize">The rows of a batch.</param>
    public static DeviceRows Create(TrainingData data, TensorPlace place, int batchSize)
    {
        var room = place.RoomForRows ?? (place.Device.type == DeviceType.CUDA ? TorchBackendCuda.Driver.FreeBytes(place.Device.index) / 2 : null);
        if (ColumnsOf(data) * data.Rows * place.Type.ElementSize() > room)
        {
            return new StreamedRows(data, place, batchSize, room);
        }
        try
        {
            return new ResidentRows(data, place);
        }
        // The driver did not say what is free, or another process was faster.
        catch (ExternalException e) when (DeviceErrors.IsOfMemory(e))
        {
            return new StreamedRows(data, place, batchSize, room);
        }
    }

    /// <summary>Where the rows are, for who may want to know; null where they are where they were.</summary>
    public abstract string? Notice { get; }

    protected TensorPlace Place => place;

    /// <summary>The indices of rows in the order of the batches to come.</summary>
    public virtual void Order(int[] rows)
    {
        _order?.Dispose();
        using var host = tensor(rows);
        _order = host.to(place.Device).DetachFromDisposeScope();
    }

    /// <summary>Consecutive rows of the order, or of the data where none was given, in the caller's dispose scope. They are copies: a product's last bits may depend on where an array starts in memory.</summary>
    public abstract Batch Take(long start, long count);

    public virtual void Dispose() => _order?.Dispose();

    /// <summary>The indices of consecutive rows of the order; null where none was given.</summary>
    protected Tensor? Indices(long start, long count) => _order?.narrow(0, start, count);

    /// <summary>Values of a row.</summary>
    protected static long ColumnsOf(TrainingData data) => data.FeatureCount + data.TargetCount + (data.Weights is null ? 0 : 1);
}
