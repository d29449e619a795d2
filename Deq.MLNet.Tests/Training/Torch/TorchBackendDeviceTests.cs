using Deq.MLNet.Training.Torch;
using TorchSharp;

namespace Deq.MLNet.Tests.Training.Torch;

public sealed class TorchBackendDeviceTests
{
    private static readonly LoadedLibtorch CpuBuild = new("libtorch", "2.10.0", HasCuda: false);
    private static readonly LoadedLibtorch CudaBuild = CpuBuild with { HasCuda = true };

    [Theory]
    [InlineData("")]
    [InlineData("gpu")]
    [InlineData("CPU")]
    [InlineData("cpu:0")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda: 1")]
    [InlineData("cuda:0\n")]
    [InlineData("cuda:99999999999")]
    public void A_malformed_device_is_an_argument_error(string device)
    {
        var ask = () => TorchBackend.EnsureAvailable(device, fallbackToCpu: true);

        ask.Should().Throw<ArgumentException>().WithMessage($"\"{device}\" is not a device*").WithParameterName(nameof(device));
    }

    [Fact]
    public void No_device_is_an_argument_error() =>
        FluentActions.Invoking(() => TorchBackend.EnsureAvailable(null!)).Should().Throw<ArgumentNullException>();

    [Theory]
    [InlineData(null, 0, "cpu")]
    [InlineData(null, 2, "cpu")]
    [InlineData(0, 1, "cuda:0")]
    [InlineData(1, 2, "cuda:1")]
    public void An_existing_device_is_used(int? index, int devices, string device) =>
        TorchBackend.Choose(index, CudaBuild, devices, fallbackToCpu: false).Should().Be(device);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_index_beyond_the_devices_is_refused_with_and_without_the_fallback(bool fallbackToCpu)
    {
        var choose = () => TorchBackend.Choose(2, CudaBuild, 2, fallbackToCpu);

        choose.Should().Throw<TorchBackendException>().WithMessage("*\"cuda:2\" does not exist*2 CUDA device(s), the last is \"cuda:1\"*");
    }

    [Fact]
    public void The_remedy_for_absent_cuda_depends_on_the_build_of_libtorch()
    {
        FluentActions.Invoking(() => TorchBackend.Choose(0, CpuBuild, 0, false)).Should().Throw<TorchBackendException>().WithMessage("*built for the CPU only: reference TorchSharp-cuda*");
        FluentActions.Invoking(() => TorchBackend.Choose(0, CudaBuild, 0, false)).Should().Throw<TorchBackendException>().WithMessage("*built for CUDA, but finds no device*nvidia-smi*");
    }

    [Fact]
    public void Many_threads_may_ask_at_once()
    {
        var devices = new string[16];

        Parallel.For(0, devices.Length, i => devices[i] = i % 2 == 0 ? TorchBackend.EnsureAvailable() : TorchBackend.Describe().IsAvailable ? "cpu" : "none");

        devices.Should().OnlyContain(d => d == "cpu");
    }

    [Fact]
    public void The_package_version_named_in_remedies_is_the_one_that_TorchSharp_is_built_for()
    {
        TorchBackend.EnsureAvailable();

        torch.NormalizeNuGetVersion(torch.__version__).Should().Be(TorchBackendFiles.PackageVersion);
    }

    /// <summary>In this process, not in a child: it shall run where there are no files but those of the tests.</summary>
    [TorchBackendFact(WithCuda = true)]
    public void Cuda_computes_and_its_devices_are_named()
    {
        using var scope = torch.NewDisposeScope();
        var device = TorchBackend.EnsureAvailable("cuda");

        device.Should().Be("cuda:0");
        torch.ones(3, device: torch.device(device)).sum().item<float>().Should().Be(3);
        TorchBackend.Describe().CudaDevices.Should().NotBeEmpty().And.OnlyContain(d => !string.IsNullOrEmpty(d.Name));
        var beyond = () => TorchBackend.EnsureAvailable("cuda:99");
        beyond.Should().Throw<TorchBackendException>().WithMessage("*\"cuda:99\" does not exist*");
    }
}
