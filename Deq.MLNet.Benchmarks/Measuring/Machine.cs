using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Microsoft.ML.OnnxRuntime;

namespace Deq.MLNet.Benchmarks;

/// <summary>What the figures were measured on.</summary>
internal static class Machine
{
    public static string Describe()
    {
        var vectors = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;
        return $"{Processor()}{Environment.ProcessorCount} cores, vectors of {vectors} bits, {RuntimeInformation.ProcessArchitecture}, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}";
    }

    /// <summary>The same with the peers' versions and the date. Loads libtorch.</summary>
    public static string DescribeAll()
    {
        var torch = TorchBackend.Describe();
        return string.Create(CultureInfo.InvariantCulture, $"{Describe()}; libtorch {(torch.IsAvailable ? torch.Version : "not usable")}, TorchSharp {torch.TorchSharpVersion}, ONNX Runtime {OrtEnv.Instance().GetVersionString()}; {DateTime.UtcNow:yyyy-MM-dd}");
    }

    /// <summary>The model of the processor, where the system tells it in a file.</summary>
    private static string Processor()
    {
        const string cpuInfo = "/proc/cpuinfo";
        var line = File.Exists(cpuInfo) ? File.ReadLines(cpuInfo).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line is null ? "" : line[(line.IndexOf(':') + 1)..].Trim() + ", ";
    }
}
