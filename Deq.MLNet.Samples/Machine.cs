using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Deq.MLNet.Samples;

/// <summary>What figures were measured on.</summary>
internal static class Machine
{
    public static string Describe()
    {
        var vectors = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;
        return $"{Processor()}{Environment.ProcessorCount} cores, vectors of {vectors} bits, {RuntimeInformation.ProcessArchitecture}, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}";
    }

    /// <summary>The model of the processor, where the system tells it in a file.</summary>
    private static string Processor()
    {
        const string cpuInfo = "/proc/cpuinfo";
        var line = File.Exists(cpuInfo) ? File.ReadLines(cpuInfo).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line is null ? "" : line[(line.IndexOf(':') + 1)..].Trim() + ", ";
    }
}
