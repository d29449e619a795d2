using Deq.MLNet.Training.Torch;
using Xunit.Sdk;

namespace Deq.MLNet.Tests.Training.Torch;

/// <summary>A test that is skipped, with the reason, where the machine lacks what it needs.</summary>
[AttributeUsage(AttributeTargets.Method)]
[TraitDiscoverer(GpuTrait.Discoverer, GpuTrait.Assembly)]
public sealed class TorchBackendFactAttribute : FactAttribute, ITraitAttribute
{
    public bool OnLinux { get; set; }
    public bool WithCuda { get; set; }
    public bool WithoutCuda { get; set; }

    public override string? Skip
    {
        get => OnLinux && !OperatingSystem.IsLinux() ? $"needs Linux's loader; this is {TorchBackendFiles.Rid}"
            : WithCuda && TorchBackend.Describe() is { CudaDevices.Count: 0 } info ? $"needs a CUDA device; libtorch {info.Version} sees none"
            : WithoutCuda && TorchBackend.Describe().CudaDevices.Count > 0 ? "needs a machine without CUDA"
            : base.Skip;
        set => base.Skip = value;
    }
}
