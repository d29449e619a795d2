using TorchSharp;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>
/// Rows that stay on the host and are copied to the device in blocks, in the order of the batches. While the device trains on one block, a thread gathers the next.
/// A copy waits in the device's queue, as all work does, and the host does not wait for it: it goes from pinned memory, which libtorch keeps until the copy is done.
/// </summary>
internal sealed class StreamedRows : DeviceRows
{
    /// <summary>Bytes of a block: enough for a copy at full speed, and for gathering to pay as work for another thread.</summary>
    private const long BlockBytes = 32 << 20;

    private readonly TrainingData _data;
    private readonly int _columns, _blockRows;

    /// <summary>The block that is being gathered, row by row: features, targets and, if given, the weight. So a block is one copy.</summary>
    private readonly float[] _host;

    private int[]? _order;

    /// <summary>What <see cref="_host"/> holds when the work is done.</summary>
    private (long Block, Task Work)? _gathering;

    private (long Block, Tensor Rows)? _present;

    /// <param name="data">The rows.</param>
    /// <param name="place">Where to.</param>
    /// <param name="batchSize">The rows of a batch: a block has as many at least, so that the whole of the next batch is gathered ahead.</param>
    /// <param name="room">Bytes that two blocks may take beyond that; null for no limit.</param>
    public StreamedRows(TrainingData data, TensorPlace place, int batchSize, long? room) : base(place)
    {
        _data = data;
        _columns = (int)ColumnsOf(data);
        var affordable = Math.Min(BlockBytes, room / 2 ?? BlockBytes) / (_columns * place.Type.ElementSize());
        _blockRows = (int)Math.Min(Math.Max(affordable, batchSize), Math.Min(data.Rows, Array.MaxLength / _columns));
        _host = new float[_blockRows * _columns];
    }

    public override string Notice => $"The rows do not fit on {Place.Device} beside what training needs there: they are copied in blocks of {_blockRows}.";

    private int Count => _order?.Length ?? _data.Rows;

    public override void Order(int[] rows)
    {
        base.Order(rows);
        Settle();
        Forget();
        _order = rows;
    }

    public override Batch Take(long start, long count)
    {
        var pieces = new List<Tensor>();
        for (var row = start; row < start + count;)
        {
            var (block, first) = Math.DivRem(row, _blockRows);
            var taken = Math.Min(_blockRows - first, start + count - row);
            pieces.Add(Block(block).narrow(0, first, taken));
            row += taken;
        }
        Tensor Part(long column, long width) =>
            // TorchSharp's cat of one tensor is that tensor.
            pieces.Count == 1 ? pieces[0].narrow(1, column, width).clone() : cat([.. pieces.Select(p => p.narrow(1, column, width))]);
        return new(Part(0, _data.FeatureCount), Part(_data.FeatureCount, _data.TargetCount),
            _data.Weights is null ? ones([count, 1], Place.Type, Place.Device) : Part(_columns - 1, 1), Indices(start, count));
    }

    public override void Dispose()
    {
        base.Dispose();
        Settle();
        Forget();
    }

    /// <summary>A block on the device; the one after it is on its way then.</summary>
    private Tensor Block(long block)
    {
        if (_present is { } present && present.Block == block)
        {
            return present.Rows;
        }
        if (_gathering?.Block != block)
        {
            Gather(block);
        }
        var work = _gathering!.Value.Work;
        _gathering = null;
        work.GetAwaiter().GetResult();
        // Batches may still use what is forgotten: the device is done with it before it does what is given to it from now on.
        Forget();
        var rows = ToDevice(RowsOf(block));
        _present = (block, rows);
        if ((block + 1) * _blockRows < Count)
        {
            Gather(block + 1);
        }
        return rows;
    }

    private int RowsOf(long block) => (int)Math.Min(_blockRows, Count - block * _blockRows);

    private Tensor ToDevice(int rows)
    {
        using var scope = NewDisposeScope();
        var host = frombuffer(_host, ScalarType.Float32, (long)rows * _columns).view(rows, _columns);
        var onDevice = empty(rows, _columns, Place.Type, Place.Device);
        onDevice.copy_(Place.Device.type == DeviceType.CUDA ? host.pin_memory() : host, true);
        return onDevice.DetachFromDisposeScope();
    }

    private void Gather(long block)
    {
        Settle();
        _gathering = (block, Task.Run(() =>
        {
            for (var i = 0; i < RowsOf(block); i++)
            {
                var place = (int)(block * _blockRows) + i;
                var row = _order?[place] ?? place;
                var to = _host.AsSpan(i * _columns, _columns);
                _data.Row(row).Span.CopyTo(to);
                _data.Targets.AsSpan(row * _data.TargetCount, _data.TargetCount).CopyTo(to[_data.FeatureCount..]);
                if (_data.Weights is { } weights)
                {
                    to[^1] = weights[row];
                }
            }
        }));
    }

    /// <summary>Waits until nobody reads the order or writes to the host's block; what went wrong there is of no interest any more.</summary>
    private void Settle()
    {
        _gathering?.Work.ContinueWith(done => done.Exception, TaskContinuationOptions.ExecuteSynchronously).Wait();
        _gathering = null;
    }

    private void Forget()
    {
        _present?.Rows.Dispose();
        _present = null;
    }
}
