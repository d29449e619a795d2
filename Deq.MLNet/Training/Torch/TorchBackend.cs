using System.Globalization;
using System.Runtime.CompilerServices;
using Deq.MLNet.Training.Torch;
using TorchSharp;

namespace Deq.MLNet;

/// <summary>Tells whether TorchSharp can run in this process, and why not, before TorchSharp itself is touched.</summary>
/// <remarks>
/// Without its native part TorchSharp's static constructor fails for the rest of the process, writes a trace to the console and may copy
/// libtorch out of the NuGet cache, which hides a missing reference on a developer's machine. So the native files are loaded here first, by
/// the names and in the order that TorchSharp uses. All members are thread safe; success is remembered, a failure is tried again at the next call.
/// </remarks>
public static class TorchBackend
{
    private const string Cuda = "cuda";

    private static readonly Lock Gate = new();
    private static LoadedLibtorch? _loaded;
    private static int _cudaDevices;

    /// <summary>Makes TorchSharp usable, with CUDA initialised where there is a CUDA device.</summary>
    /// <param name="device">"cpu", "cuda" (the same as "cuda:0") or "cuda:N" with N from 0. Default "cpu".</param>
    /// <param name="fallbackToCpu">Whether to use the CPU where CUDA is asked for and there is none. An index beyond the devices that exist is an error either way. Default false.</param>
    /// <returns>The device that will be used: "cpu" or "cuda:N".</returns>
    /// <exception cref="ArgumentException"><paramref name="device"/> is none of the three forms.</exception>
    /// <exception cref="TorchBackendException">libtorch is missing, is for another platform or cannot be loaded, or the CUDA device does not exist; the message says which, and the remedy.</exception>
    public static string EnsureAvailable(string device = "cpu", bool fallbackToCpu = false)
    {
        var index = ParseCudaIndex(device);
        lock (Gate)
        {
            var libtorch = Load();
            return Choose(index, libtorch, _cudaDevices, fallbackToCpu);
        }
    }

    /// <summary>Looks for libtorch and for CUDA devices and says what there is. Never throws.</summary>
    /// <returns>What was found; where TorchSharp cannot be used, <see cref="TorchBackendInfo.Problem"/> holds the message that <see cref="EnsureAvailable"/> throws.</returns>
    public static TorchBackendInfo Describe()
    {
        lock (Gate)
        {
            try
            {
                var libtorch = Load();
                return new(true, libtorch.FullPath, libtorch.Version, TorchBackendProbe.TorchSharpVersion, TorchBackendCuda.Driver.Devices(_cudaDevices), null, TorchBackendCuda.Driver.Version);
            }
#pragma warning disable CA1031 // A description of what is wrong must not itself go wrong.
            catch (Exception problem)
#pragma warning restore CA1031
            {
                return new(false, TorchBackendFiles.Find(TorchBackendFiles.LibtorchFile), null, TorchBackendProbe.TorchSharpVersion, [], problem.Message);
            }
        }
    }

    /// <summary>The device for a CUDA index, or for null, which stands for the CPU, where there are so many CUDA devices.</summary>
    internal static string Choose(int? index, LoadedLibtorch libtorch, int cudaDevices, bool fallbackToCpu)
    {
        if (index is null || (cudaDevices == 0 && fallbackToCpu))
            return "cpu";
        var device = string.Create(CultureInfo.InvariantCulture, $"cuda:{index}");
        if (cudaDevices == 0)
            throw new TorchBackendException(CudaAbsent(device, libtorch));
        if (index >= cudaDevices)
            throw new TorchBackendException($"The device \"{device}\" does not exist: libtorch sees {cudaDevices} CUDA device(s), the last is \"cuda:{cudaDevices - 1}\". Ask for one of these, or make more visible (CUDA_VISIBLE_DEVICES).");
        return device;
    }

    private static LoadedLibtorch Load()
    {
        if (_loaded is { } known)
            return known;
        var libtorch = TorchBackendProbe.Load();
        try
        {
            _cudaDevices = InitializeTorchSharp();
        }
        catch (Exception e) when (e is TypeInitializationException or NotSupportedException or DllNotFoundException or EntryPointNotFoundException)
        {
            throw new TorchBackendException(
                $"libtorch was loaded from {libtorch.FullPath ?? "the loader's path"}, but TorchSharp {TorchBackendProbe.TorchSharpVersion} cannot work with it: {e.GetBaseException().Message}\n" +
                $"Use libtorch {TorchBackendFiles.PackageVersion}, the version this TorchSharp is built for. If TorchSharp failed earlier in this process, it stays unusable until the process is started again.", e);
        }
        _loaded = libtorch;
        return libtorch;
    }

    // Not inlined: this is the first code that touches TorchSharp's statics. CUDA comes before any other use, as TorchSharp asks for.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int InitializeTorchSharp() => torch.TryInitializeDeviceType(DeviceType.CUDA) ? torch.cuda.device_count() : 0;

    internal static int? ParseCudaIndex(string device, [CallerArgumentExpression(nameof(device))] string? name = null)
    {
        ArgumentNullException.ThrowIfNull(device, name);
        if (device == "cpu")
            return null;
        if (device == Cuda)
            return 0;
        if (device.StartsWith(Cuda + ":", StringComparison.Ordinal) &&
            int.TryParse(device.AsSpan(Cuda.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            return index;
        throw new ArgumentException($"\"{device}\" is not a device: it is \"cpu\", \"cuda\" or \"cuda:N\" with N from 0.", name);
    }

    /// <summary>Why there is no CUDA, where <see cref="EnsureAvailable"/> fell back to the CPU for want of it, and the remedy.</summary>
    internal static string WhyNoCuda()
    {
        lock (Gate)
        {
            return CauseOfNoCuda(Load());
        }
    }

    private static string CudaAbsent(string device, LoadedLibtorch libtorch) =>
        $"The device \"{device}\" was asked for, but there is no CUDA here. {CauseOfNoCuda(libtorch)} Or ask for \"cpu\", or allow the fallback to the CPU (FallbackToCpu of the MLContext, fallbackToCpu here).";

    private static string CauseOfNoCuda(LoadedLibtorch libtorch)
    {
        var where = $"libtorch {libtorch.Version} ({libtorch.FullPath ?? "on the loader's path"})";
        return libtorch.CudaFailure is { } failure
            ? $"{where} is built for CUDA, but its CUDA part cannot be loaded: {failure}"
            : libtorch.HasCuda
            ? $"{where} is built for CUDA, but finds no device: check that `nvidia-smi` lists one, that the driver is new enough, and that CUDA_VISIBLE_DEVICES does not hide it."
            : $"{where} is built for the CPU only: reference TorchSharp-cuda-linux or TorchSharp-cuda-windows in place of {TorchBackendFiles.CpuPackage}.";
    }
}
