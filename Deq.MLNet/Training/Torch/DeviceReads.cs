using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Deq.MLNet.Training.Torch;

/// <summary>
/// The one way by which numbers come from a device to the host. Each read waits until the device has done all that it was given, so that they are few and counted;
/// a test reads from the compiled assembly that there is no other way.
/// </summary>
internal static class DeviceReads
{
    [ThreadStatic]
    private static long _count;

    /// <summary>Reads by this thread so far, on whatever device.</summary>
    public static long Count => _count;

    /// <summary>All values, in their order.</summary>
    public static double[] Doubles(Tensor values) => Read<double>(values, ScalarType.Float64);

    /// <summary>All values, in their order.</summary>
    public static float[] Floats(Tensor values) => Read<float>(values, ScalarType.Float32);

    /// <summary>The value of a tensor that has one; true is 1.</summary>
    public static double Number(Tensor value) => Doubles(value)[0];

    private static T[] Read<T>(Tensor values, ScalarType type) where T : unmanaged
    {
        _count++;
        using var scope = NewDisposeScope();
        var host = values.to(type).cpu().contiguous();
        return MemoryMarshal.Cast<byte, T>(host.bytes).ToArray();
    }
}
