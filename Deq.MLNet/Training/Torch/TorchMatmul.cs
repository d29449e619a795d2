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
    private static int _users, _exact;
    private static bool _before, _wanted;

    /// <summary>Sets the flag as a precision asks for.</summary>
    public TorchMatmul(MatmulPrecision precision)
    {
        lock (Gate)
        {
            if (_users == 0)
            {
                _before = backends.cuda.matmul.allow_tf32;
            }
            _wanted = precision != MatmulPrecision.Float32;
            _users++;
            Set();
        }
    }

    /// <summary>The relative error that a product makes of its operands' rounding, on a device and in a number type, as the flag stands.</summary>
    public static double Epsilon(Device device, ScalarType type) => (device.type, type) switch
    {
        (_, ScalarType.Float64) => double.BitIncrement(1) - 1,
        (DeviceType.CUDA, _) when backends.cuda.matmul.allow_tf32 && TorchBackendCuda.Driver.HasTensorFloat32(device.index) => 1.0 / (1 << 10),
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

    /// <summary>Does work whose products are of full float32: proofs and projections count on it.</summary>
    public static T Exactly<T>(Func<T> work)
    {
        lock (Gate)
        {
            _exact++;
            Set();
        }
        try
        {
            return work();
        }
        finally
        {
            lock (Gate)
            {
                _exact--;
                Set();
            }
        }
    }

    private static void Set()
    {
        var flag = _wanted && _exact == 0;
        if (_users > 0 && backends.cuda.matmul.allow_tf32 != flag)
        {
            backends.cuda.matmul.allow_tf32 = flag;
        }
    }
}
