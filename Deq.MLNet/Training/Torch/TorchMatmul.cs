using TorchSharp;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>
/// Whether libtorch rounds the operands of float32 products to TensorFloat32 on CUDA devices, while an engine lives. The flag is one of the whole process: of engines alive at once
/// the last one made decides for all, and when the last of them ends it is what the first one found.
/// </summary>
internal sealed class TorchMatmul : IDisposable
{
    private static readonly Lock Gate = new();
    private static int _users;
    private static bool _before;

    /// <summary>Sets the flag as a precision asks for.</summary>
    public TorchMatmul(MatmulPrecision precision)
    {
        lock (Gate)
        {
            if (_users++ == 0)
            {
                _before = backends.cuda.matmul.allow_tf32;
            }
            backends.cuda.matmul.allow_tf32 = precision != MatmulPrecision.Float32;
        }
    }

    /// <summary>The relative error that a product makes of its operands' rounding, on a device and in a number type, as the flag stands.</summary>
    public static double Epsilon(DeviceType device, ScalarType type) => (device, type) switch
    {
        (_, ScalarType.Float64) => double.BitIncrement(1) - 1,
        (DeviceType.CUDA, _) when backends.cuda.matmul.allow_tf32 => 1.0 / (1 << 10),
        _ => float.BitIncrement(1) - 1,
    };

    public void Dispose()
    {
        lock (Gate)
        {
            if (--_users == 0)
            {
                backends.cuda.matmul.allow_tf32 = _before;
            }
        }
    }
}
