using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>
/// What a solve asks of single rows. Where rows stand in the host's memory they are read and written in place, which costs a fraction of an operation of the device;
/// elsewhere the device does it, and what is read comes in one transfer.
/// </summary>
internal static class TensorRows
{
    /// <summary>||f - z|| and ||f|| of every row.</summary>
    public static (double[] Distance, double[] Norm) Measure(Tensor z, Tensor f) => OnHost(z) && OnHost(f) ? MeasureOnHost(z, f) : MeasureOnDevice(z, f);

    /// <summary>Writes some rows of one tensor to the same rows of another.</summary>
    public static void Copy(List<long> rows, Tensor from, Tensor to)
    {
        if (rows.Count == to.shape[0])
        {
            to.copy_(from);
        }
        else if (rows.Count > 0)
        {
            if (OnHost(from) && OnHost(to))
            {
                CopyOnHost(rows, from, to);
            }
            else
            {
                CopyOnDevice(rows, from, to);
            }
        }
    }

    internal static (double[] Distance, double[] Norm) MeasureOnHost(Tensor z, Tensor f)
    {
        var (distance, norm) = (new double[z.shape[0]], new double[z.shape[0]]);
        var size = (int)z.shape[1];
        var row = new double[2 * size];
        var from = row.AsSpan(0, size);
        var to = row.AsSpan(size);
        var zBytes = z.bytes;
        var fBytes = f.bytes;
        for (var i = 0; i < distance.Length; i++)
        {
            Widen(zBytes, z.dtype, i, from);
            Widen(fBytes, f.dtype, i, to);
            distance[i] = TensorPrimitives.Distance<double>(from, to);
            norm[i] = TensorPrimitives.Norm<double>(to);
        }
        return (distance, norm);
    }

    internal static (double[] Distance, double[] Norm) MeasureOnDevice(Tensor z, Tensor f)
    {
        using var scope = NewDisposeScope();
        var values = DeviceReads.Doubles(stack([(f - z).norm(1), f.norm(1)]));
        return (values[..(values.Length / 2)], values[(values.Length / 2)..]);
    }

    internal static void CopyOnHost(List<long> rows, Tensor from, Tensor to)
    {
        var source = from.bytes;
        var target = to.bytes;
        var size = source.Length / (int)from.shape[0];
        foreach (int row in rows)
        {
            source.Slice(row * size, size).CopyTo(target.Slice(row * size, size));
        }
    }

    internal static void CopyOnDevice(List<long> rows, Tensor from, Tensor to)
    {
        using var scope = NewDisposeScope();
        var index = tensor(rows.ToArray()).to(to.device);
        to.index_copy_(0, index, from.index_select(0, index));
    }

    private static bool OnHost(Tensor rows) => rows.device_type == DeviceType.CPU && rows.is_contiguous();

    private static void Widen(Span<byte> values, ScalarType type, int row, Span<double> to)
    {
        if (type == ScalarType.Float64)
        {
            MemoryMarshal.Cast<byte, double>(values).Slice(row * to.Length, to.Length).CopyTo(to);
        }
        else
        {
            TensorPrimitives.ConvertTruncating<float, double>(MemoryMarshal.Cast<byte, float>(values).Slice(row * to.Length, to.Length), to);
        }
    }
}
