using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Deq.MLNet.Benchmarks;

/// <summary>What the figures were measured on.</summary>
internal static class Machine
{
    public static string Describe()
    {
        var vectors = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;
        return $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}, {Environment.ProcessorCount} cores, vectors of {vectors} bits, {RuntimeInformation.FrameworkDescription}";
    }
}
