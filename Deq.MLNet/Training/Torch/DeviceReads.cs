using System.Diagnostics;
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

    [ThreadStatic]
    private static TimeSpan _waited;

    /// <summary>Reads by this thread so far, on whatever device.</summary>
    public static long Count => _count;

    /// <summary>The time that this thread spent in reads so far: most of it is the device's work that was given before.</summary>
    public static TimeSpan Waited => _waited;

    /// <summary>All values, in their order.</summary>
    public static double[] Doubles(Tensor values) => Read<double>(values, ScalarType.Float64);

    /// <summary>All values, in their order.</summary>
    public static float[] Floats(Tensor values) => Read<float>(values, ScalarType.Float32);

    /// <summary>The value of a tensor that has one; true is 1.</summary>
    public static double Number(Tensor value) => Doubles(value)[0];

    private static T[] Read<T>(Tensor values, ScalarType type) where T : unmanaged
    {
        _count++;
        var start = Stopwatch.GetTimestamp();
        using var scope = NewDisposeScope();
        // Brought to their type on the host: one operation of the device less.
        var host = values.cpu().to(type).contiguous();
        var read = MemoryMarshal.Cast<byte, T>(host.bytes).ToArray();
        _waited += Stopwatch.GetElapsedTime(start);
        return read;
    }
}
