using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Tests.Training.Torch;

/// <summary>What is asked of NVIDIA's driver, against a driver of our own.</summary>
public sealed unsafe class TorchBackendCudaTests
{
    private const int Ok = 0, InvalidDevice = 101, Devices = 2, FirstHandle = 40, FirstContext = 900;

    private static readonly Dictionary<string, nint> Functions = new()
    {
        ["cuInit"] = (nint)(delegate* unmanaged[Cdecl]<uint, int>)&Init,
        ["cuDriverGetVersion"] = (nint)(delegate* unmanaged[Cdecl]<int*, int>)&DriverGetVersion,
        ["cuDeviceGet"] = (nint)(delegate* unmanaged[Cdecl]<int*, int, int>)&DeviceGet,
        ["cuDeviceGetName"] = (nint)(delegate* unmanaged[Cdecl]<byte*, int, int, int>)&DeviceGetName,
        ["cuDeviceTotalMem_v2"] = (nint)(delegate* unmanaged[Cdecl]<nuint*, int, int>)&DeviceTotalMemory,
        ["cuDeviceGetAttribute"] = (nint)(delegate* unmanaged[Cdecl]<int*, int, int, int>)&DeviceGetAttribute,
        ["cuDevicePrimaryCtxRetain"] = (nint)(delegate* unmanaged[Cdecl]<nint*, int, int>)&Retain,
        ["cuDevicePrimaryCtxRelease_v2"] = (nint)(delegate* unmanaged[Cdecl]<int, int>)&Release,
        ["cuCtxPushCurrent_v2"] = (nint)(delegate* unmanaged[Cdecl]<nint, int>)&Push,
        ["cuCtxPopCurrent_v2"] = (nint)(delegate* unmanaged[Cdecl]<nint*, int>)&Pop,
        ["cuMemGetInfo_v2"] = (nint)(delegate* unmanaged[Cdecl]<nuint*, nuint*, int>)&MemoryGetInfo,
    };

    [ThreadStatic]
    private static nint _current;
    [ThreadStatic]
    private static nint _pushedOver;
    [ThreadStatic]
    private static int _retained;

    public static TheoryData<string> Names => [.. Functions.Keys];

    [Fact]
    public void Devices_are_described_as_the_driver_numbers_them()
    {
        var driver = Driver();

        driver.Version.Should().Be("13.1");
        driver.Devices(Devices).Should().Equal(new TorchCudaDevice(0, "Device é 0", "9.0", 150L << 30), new TorchCudaDevice(1, "Device é 1", "12.1", 151L << 30));
        driver.Devices(0).Should().BeEmpty();
        driver.NameOf("cuda:1").Should().Be("cuda:1 (Device é 1)");
        driver.NameOf("cuda:7").Should().Be("cuda:7");
        driver.NameOf("cpu").Should().Be("cpu");
    }

    [Fact]
    public void Free_memory_is_that_of_the_device_asked_for_and_the_thread_stays_in_its_own_context()
    {
        _current = 1;

        Driver().FreeBytes(0).Should().Be(70L << 30);
        Driver().FreeBytes(1).Should().Be(71L << 30);
        Driver().FreeBytes(2).Should().BeNull();

        (_current, _retained).Should().Be((1, 0));
    }

    /// <summary>Its own devices are of 9.0 and 12.1.</summary>
    [Fact]
    public void TensorFloat32_is_taken_for_there_unless_the_driver_says_that_the_device_is_older()
    {
        Driver().HasTensorFloat32(0).Should().BeTrue();
        Driver().HasTensorFloat32(7).Should().BeTrue();
        Driver("cuDeviceGetAttribute").HasTensorFloat32(0).Should().BeTrue();
        new TorchBackendCuda(name => name == "cuDeviceGetAttribute" ? (nint)(delegate* unmanaged[Cdecl]<int*, int, int, int>)&OldAttribute : Functions[name]).HasTensorFloat32(0).Should().BeFalse();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OldAttribute(int* value, int attribute, int device)
    {
        *value = 7;
        return Ok;
    }

    /// <summary>Whatever a driver lacks, the rest is told, and nothing throws.</summary>
    [Theory, MemberData(nameof(Names))]
    public void A_driver_without_one_of_the_functions_tells_the_rest(string missing)
    {
        var driver = Driver(missing);
        var device = driver.Devices(1).Single();

        (driver.Version is null).Should().Be(missing is "cuDriverGetVersion");
        (device.Name is null).Should().Be(missing is "cuInit" or "cuDeviceGet" or "cuDeviceGetName");
        (device.MemoryBytes is null).Should().Be(missing is "cuInit" or "cuDeviceGet" or "cuDeviceTotalMem_v2");
        (device.ComputeCapability is null).Should().Be(missing is "cuInit" or "cuDeviceGet" or "cuDeviceGetAttribute");
        (driver.FreeBytes(0) is null).Should().Be(missing is "cuInit" or "cuDeviceGet" || missing.Contains("Ctx", StringComparison.Ordinal) || missing is "cuMemGetInfo_v2");
    }

    [TorchBackendFact(WithCuda = true)]
    public void The_driver_of_this_machine_tells_all_of_it()
    {
        var info = TorchBackend.Describe();

        info.CudaDriver.Should().MatchRegex(@"^\d+\.\d$");
        var device = info.CudaDevices[0];
        device.ComputeCapability.Should().MatchRegex(@"^\d+\.\d$");
        device.MemoryBytes.Should().BeGreaterThan(1L << 30);
        TorchBackendCuda.Driver.FreeBytes(0).Should().BeInRange(1, device.MemoryBytes!.Value);
    }

    private static TorchBackendCuda Driver(string? missing = null) => new(name => name == missing ? 0 : Functions[name]);

    private static int DeviceOf(int handle) => handle - FirstHandle;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Init(uint flags) => flags == 0 ? Ok : 1;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int DriverGetVersion(int* version)
    {
        *version = 13010;
        return Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int DeviceGet(int* handle, int index)
    {
        *handle = FirstHandle + index;
        return index < Devices ? Ok : InvalidDevice;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int DeviceGetName(byte* name, int length, int handle)
    {
        var text = System.Text.Encoding.UTF8.GetBytes($"Device é {DeviceOf(handle)}\0");
        text.CopyTo(new Span<byte>(name, length));
        return Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int DeviceTotalMemory(nuint* bytes, int handle)
    {
        *bytes = (nuint)(150L + DeviceOf(handle) << 30);
        return Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int DeviceGetAttribute(int* value, int attribute, int handle)
    {
        *value = (attribute, DeviceOf(handle)) switch { (75, 0) => 9, (76, 0) => 0, (75, 1) => 12, (76, 1) => 1, _ => -1 };
        return Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Retain(nint* context, int handle)
    {
        _retained++;
        *context = FirstContext + DeviceOf(handle);
        return Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Release(int handle)
    {
        _retained--;
        return Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Push(nint context)
    {
        (_pushedOver, _current) = (_current, context);
        return Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Pop(nint* context)
    {
        (*context, _current) = (_current, _pushedOver);
        return Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int MemoryGetInfo(nuint* free, nuint* total)
    {
        (*free, *total) = ((nuint)(70L + _current - FirstContext << 30), 0);
        return Ok;
    }
}
