namespace Deq.MLNet;

/// <summary>What <see cref="TorchBackend.Describe"/> found out about the libtorch of this process.</summary>
/// <param name="IsAvailable">Whether tensors can be made in this process, at least on the CPU.</param>
/// <param name="LibraryPath">Full path of the libtorch that is loaded or, where loading failed, of the one that would have been; null where none was found.</param>
/// <param name="Version">The version that libtorch states about itself, as "2.10.0"; null where it is not loaded or does not say.</param>
/// <param name="TorchSharpVersion">The version of the managed TorchSharp, as "0.107.0".</param>
/// <param name="CudaDevices">The CUDA devices that libtorch can use, by index; empty where there is none.</param>
/// <param name="Problem">Why <see cref="IsAvailable"/> is false, and the remedy; null where it is true.</param>
/// <param name="CudaDriver">The newest CUDA that NVIDIA's driver can run, as "13.0"; null where there is none, or libtorch cannot be used.</param>
public sealed record TorchBackendInfo(
    bool IsAvailable,
    string? LibraryPath,
    string? Version,
    string TorchSharpVersion,
    IReadOnlyList<TorchCudaDevice> CudaDevices,
    string? Problem,
    string? CudaDriver = null);

/// <summary>A CUDA device that libtorch can use.</summary>
/// <param name="Index">The N of "cuda:N", from 0.</param>
/// <param name="Name">The driver's name of the device; null where the driver does not give it.</param>
/// <param name="ComputeCapability">What its processors can do, in NVIDIA's numbers, as "9.0"; null where the driver does not say.</param>
/// <param name="MemoryBytes">All of its memory, in bytes; null where the driver does not say.</param>
public sealed record TorchCudaDevice(int Index, string? Name, string? ComputeCapability = null, long? MemoryBytes = null);
