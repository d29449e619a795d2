using System.Globalization;
using Microsoft.ML.OnnxRuntime;

namespace Deq.MLNet.Benchmarks;

/// <summary>What the figures were measured on.</summary>
internal static class Machine
{
    public static string Describe() => Samples.Machine.Describe();

    /// <summary>The same with the peers' versions and the date. Loads libtorch.</summary>
    public static string DescribeAll() => $"{DescribeTorch()}; ONNX Runtime {OrtEnv.Instance().GetVersionString()}";

    /// <summary>The same with libtorch, its devices and the date. Loads libtorch.</summary>
    public static string DescribeTorch()
    {
        var torch = TorchBackend.Describe();
        var devices = string.Concat(torch.CudaDevices.Select(device => $", cuda:{device.Index} {device.Name ?? "without a name"}"));
        return string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-dd}; {Describe()}; libtorch {(torch.IsAvailable ? torch.Version : "not usable")}, TorchSharp {torch.TorchSharpVersion}{devices}");
    }
}
