using System.Runtime.InteropServices;
using System.Text;

namespace Deq.MLNet.Training.Torch;

/// <summary>The names of the CUDA devices, asked of the driver: TorchSharp has no call for them.</summary>
internal static class TorchBackendCuda
{
    private const int NameBytes = 256;

    /// <summary>The devices 0 to count - 1, named where the driver names them. The driver numbers them as libtorch does.</summary>
    public static unsafe IReadOnlyList<TorchCudaDevice> Devices(int count)
    {
        if (count == 0)
            return [];
        var devices = Enumerable.Range(0, count).Select(i => new TorchCudaDevice(i, null)).ToArray();
        if (!NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out var driver) ||
            !NativeLibrary.TryGetExport(driver, "cuInit", out var cuInit) ||
            !NativeLibrary.TryGetExport(driver, "cuDeviceGet", out var cuDeviceGet) ||
            !NativeLibrary.TryGetExport(driver, "cuDeviceGetName", out var cuDeviceGetName) ||
            ((delegate* unmanaged<uint, int>)cuInit)(0) != 0)
            return devices;

        var name = stackalloc byte[NameBytes];
        for (var i = 0; i < count; i++)
        {
            int handle;
            if (((delegate* unmanaged<int*, int, int>)cuDeviceGet)(&handle, i) == 0 &&
                ((delegate* unmanaged<byte*, int, int, int>)cuDeviceGetName)(name, NameBytes, handle) == 0)
                devices[i] = new(i, Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name)));
        }
        return devices;
    }
}
