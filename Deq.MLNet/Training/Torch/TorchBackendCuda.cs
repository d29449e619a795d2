using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Deq.MLNet.Training.Torch;

/// <summary>
/// What NVIDIA's driver says of the CUDA devices, which it numbers as libtorch does: TorchSharp has no call for it. Null stands for what it does not say,
/// as where there is no driver.
/// </summary>
/// <param name="function">The address of one of the driver's functions; 0 where it has none of that name.</param>
internal sealed unsafe class TorchBackendCuda(Func<string, nint> function)
{
    private const int NameBytes = 256;

    // Numbers of CUdevice_attribute.
    private const int ComputeCapabilityMajor = 75, ComputeCapabilityMinor = 76;

    /// <summary>The driver of this machine.</summary>
    public static TorchBackendCuda Driver { get; } = new(Load());

    /// <summary>The newest CUDA that the driver can run, as "13.0".</summary>
    public string? Version
    {
        get
        {
            int version;
            var get = (delegate* unmanaged<int*, int>)function("cuDriverGetVersion");
            return get != null && get(&version) == 0 ? $"{version / 1000}.{version % 1000 / 10}" : null;
        }
    }

    /// <summary>The devices 0 to count - 1.</summary>
    public IReadOnlyList<TorchCudaDevice> Devices(int count) => [.. Enumerable.Range(0, count).Select(Describe)];

    /// <summary>A device as libtorch names it, such as cuda:0, with its name in brackets where the driver gives one.</summary>
    public string NameOf(string device) =>
        device.StartsWith("cuda:", StringComparison.Ordinal) && Describe(int.Parse(device["cuda:".Length..], CultureInfo.InvariantCulture)).Name is { } name ? $"{device} ({name})" : device;

    /// <summary>Whether a device has units for TensorFloat32, or does not say: those of compute capability 8.0 and above.</summary>
    public bool HasTensorFloat32(int index) => Handle(index) is not { } device || Attribute(ComputeCapabilityMajor, device) is not < 8;

    /// <summary>Bytes of a device that no process holds.</summary>
    public long? FreeBytes(int index)
    {
        var retain = (delegate* unmanaged<nint*, int, int>)function("cuDevicePrimaryCtxRetain");
        var release = (delegate* unmanaged<int, int>)function("cuDevicePrimaryCtxRelease_v2");
        var push = (delegate* unmanaged<nint, int>)function("cuCtxPushCurrent_v2");
        var pop = (delegate* unmanaged<nint*, int>)function("cuCtxPopCurrent_v2");
        var ask = (delegate* unmanaged<nuint*, nuint*, int>)function("cuMemGetInfo_v2");
        // The context that libtorch works in. This thread may be in that of another device, or in none, and stays there.
        nint context;
        if (retain == null || release == null || push == null || pop == null || ask == null ||
            Handle(index) is not { } device || retain(&context, device) != 0)
            return null;
        try
        {
            if (push(context) != 0)
                return null;
            nuint free, total;
            var answer = ask(&free, &total);
            pop(&context);
            return answer == 0 ? (long)free : null;
        }
        finally
        {
            release(device);
        }
    }

    private TorchCudaDevice Describe(int index)
    {
        if (Handle(index) is not { } device)
            return new TorchCudaDevice(index, null);
        var getName = (delegate* unmanaged<byte*, int, int, int>)function("cuDeviceGetName");
        var bytes = stackalloc byte[NameBytes];
        var name = getName != null && getName(bytes, NameBytes, device) == 0 ? Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(bytes)) : null;

        nuint memory;
        var getMemory = (delegate* unmanaged<nuint*, int, int>)function("cuDeviceTotalMem_v2");
        return new TorchCudaDevice(index, name,
            Attribute(ComputeCapabilityMajor, device) is { } major && Attribute(ComputeCapabilityMinor, device) is { } minor ? $"{major}.{minor}" : null,
            getMemory != null && getMemory(&memory, device) == 0 ? (long)memory : null);
    }

    private int? Attribute(int number, int device)
    {
        int value;
        var get = (delegate* unmanaged<int*, int, int, int>)function("cuDeviceGetAttribute");
        return get != null && get(&value, number, device) == 0 ? value : null;
    }

    private int? Handle(int index)
    {
        int device;
        var initialize = (delegate* unmanaged<uint, int>)function("cuInit");
        var get = (delegate* unmanaged<int*, int, int>)function("cuDeviceGet");
        return initialize != null && get != null && initialize(0) == 0 && get(&device, index) == 0 ? device : null;
    }

    private static Func<string, nint> Load() => NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out var driver)
        ? name => NativeLibrary.TryGetExport(driver, name, out var address) ? address : 0
        : _ => 0;
}
