using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Deq.MLNet.Training.Torch.Solvers;

/// <summary>Rows in the host's memory, read and written in place, which costs a fraction of an operation of libtorch.</summary>
internal static class TensorRows
{
    /// <summary>Writes some rows of one tensor to the same rows of another.</summary>
    public static void Copy(List<long> rows, Tensor from, Tensor to)
    {
        if (rows.Count == to.shape[0])
        {
            to.copy_(from);
        }
        else if (rows.Count > 0)
        {
            var source = from.bytes;
            var target = to.bytes;
            var size = source.Length / (int)from.shape[0];
            foreach (int row in rows)
            {
                source.Slice(row * size, size).CopyTo(target.Slice(row * size, size));
            }
        }
    }

    /// <summary>||f - z|| and ||f|| of every row.</summary>
    public static (double[] Distance, double[] Norm) Measure(Tensor z, Tensor f)
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
