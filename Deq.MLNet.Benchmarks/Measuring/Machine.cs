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
    public static string DescribeAll() => $"{DescribeTorch()}; ONNX Runtime {OrtEnv.Instance().GetVersionString()}";

    /// <summary>The same with libtorch, its devices and the date. Loads libtorch.</summary>
    public static string DescribeTorch()
    {
        var torch = TorchBackend.Describe();
        var devices = string.Concat(torch.CudaDevices.Select(device => $", cuda:{device.Index} {device.Name ?? "without a name"}"));
        return string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-dd}; {Describe()}; libtorch {(torch.IsAvailable ? torch.Version : "not usable")}, TorchSharp {torch.TorchSharpVersion}{devices}");
    }

    /// <summary>The model of the processor, where the system tells it in a file.</summary>
    private static string Processor()
    {
        const string cpuInfo = "/proc/cpuinfo";
        var line = File.Exists(cpuInfo) ? File.ReadLines(cpuInfo).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line is null ? "" : line[(line.IndexOf(':') + 1)..].Trim() + ", ";
    }
}
