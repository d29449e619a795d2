using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;
using Spectre.Console;

namespace Deq.MLNet.Samples.Commands;

/// <summary>Prints what this machine offers for training and scoring, and what is wrong with it.</summary>
internal static class Doctor
{
    /// <param name="withOnnx">Whether ONNX Runtime is looked at too.</param>
    /// <returns>0 where libtorch and, if looked at, ONNX Runtime work, 1 otherwise.</returns>
    public static int Run(bool withOnnx = true)
    {
        var torch = TorchBackend.Describe();

        var table = new Table().AddColumns("What", "Found");
        void Row(string what, string? found) => table.AddRow(new Text(what), new Text(found ?? "-"));
        Row("Operating system", RuntimeInformation.OSDescription);
        Row("Runtime identifier", RuntimeInformation.RuntimeIdentifier);
        Row(".NET", RuntimeInformation.FrameworkDescription);
        Row("CPUs", Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture));
        Row("Vectors in hardware", $"{VectorBits} bits");
        Row("Instruction sets", string.Join(", ", InstructionSets()));
        Row("ML.NET", VersionOf(typeof(MLContext)));
        Row("TorchSharp", torch.TorchSharpVersion);
        Row("libtorch", torch.IsAvailable ? torch.Version ?? "version unknown" : "not usable");
        Row("libtorch's file", torch.LibraryPath);
        var problem = torch.Problem;
        if (torch.IsAvailable)
        {
            foreach (var device in torch.CudaDevices)
            {
                Row($"cuda:{device.Index}", string.Create(CultureInfo.InvariantCulture,
                    $"{device.Name ?? "name unknown"}, compute capability {device.ComputeCapability ?? "unknown"}, {device.MemoryBytes / 1e9:F1} GB"));
            }
            Row("CUDA of the driver", torch.CudaDriver);
            if (torch.CudaDevices.Count == 0)
                Row("CUDA", CudaProblem());
            foreach (var name in torch.CudaDevices.Select(d => $"cuda:{d.Index}").Prepend("cpu"))
            {
                var (error, failure) = DeviceProduct.Try(name);
                Row($"A product on {name}", failure ?? string.Create(CultureInfo.InvariantCulture, $"right to {error:G2} of its largest value"));
                problem ??= failure;
            }
        }
        var (onnxVersion, providers, onnxProblem) = withOnnx ? DescribeOnnxRuntime() : (null, [], null);
        if (withOnnx)
        {
            Row("ONNX Runtime", onnxVersion ?? "not usable");
            Row("ONNX Runtime's providers", providers.Length == 0 ? "none" : string.Join(", ", providers));
        }
        AnsiConsole.Write(table);

        PrintProblem("Training with Engine.Torch is not possible here; Engine.Simd needs nothing", problem);
        PrintProblem("Running ONNX files is not possible here", onnxProblem);

        Figures.Print("cpus", Environment.ProcessorCount);
        Figures.Print("vector_bits", VectorBits);
        Figures.Print("libtorch_available", torch.IsAvailable ? 1 : 0);
        Figures.Print("cuda_devices", torch.CudaDevices.Count);
        if (withOnnx)
            Figures.Print("onnx_providers", providers.Length);
        return problem is null && onnxProblem is null ? 0 : 1;
    }

    private static string CudaProblem()
    {
        try
        {
            return TorchBackend.EnsureAvailable("cuda");
        }
        catch (TorchBackendException e)
        {
            return e.Message;
        }
    }

    private static int VectorBits =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;

    private static IEnumerable<string> InstructionSets()
    {
        (string Name, bool IsSupported)[] sets =
        [
            ("Sse4.2", Sse42.IsSupported), ("Avx", Avx.IsSupported), ("Avx2", Avx2.IsSupported), ("Fma", Fma.IsSupported),
            ("Avx512F", Avx512F.IsSupported), ("AdvSimd", AdvSimd.IsSupported),
        ];
        return sets.Where(s => s.IsSupported).Select(s => s.Name).DefaultIfEmpty("none");
    }

    private static (string? Version, string[] Providers, string? Problem) DescribeOnnxRuntime()
    {
        try
        {
            return (OrtEnv.Instance().GetVersionString(), OrtEnv.Instance().GetAvailableProviders(), null);
        }
        catch (Exception e) when (e.GetBaseException() is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException or OnnxRuntimeException)
        {
            return (null, [], $"{e.GetBaseException().Message} Reference the package Microsoft.ML.OnnxRuntime (or Microsoft.ML.OnnxRuntime.Gpu) in the app's project.");
        }
    }

    private static string? VersionOf(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+', '@')[0].Trim();

    private static void PrintProblem(string title, string? problem)
    {
        if (problem is not null)
            AnsiConsole.Write(new Panel(new Text(problem)).Header(Markup.Escape(title)).BorderColor(Color.Red));
    }
}
