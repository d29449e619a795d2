using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Tests.Training.Torch;

/// <summary>Each cause is produced in a child process, since a process loads its native files once.</summary>
public sealed class TorchBackendTests : IDisposable
{
    // A virtual function of libtorch, which the loader looks for at once; most others are looked for at their first call.
    private const string NeededSymbol = "_ZNK3c105Error4whatEv";

    private readonly TorchBackendFolder _app = new();

    public void Dispose() => _app.Dispose();

    [Fact]
    public void The_cpu_is_available_where_libtorch_stands_in_the_app()
    {
        var answer = _app.Ask();

        answer.Error.Should().BeNull();
        answer.Device.Should().Be("cpu");
        answer.Sum.Should().Be(3);
        answer.Info.Should().BeEquivalentTo(new { IsAvailable = true, LibraryPath = OnDisk(_app.Native(TorchBackendFiles.LibtorchFile)), Version = TorchBackendFiles.PackageVersion, Problem = (string?)null });
    }

    [TorchBackendFact(OnLinux = true)]
    public void Libtorch_is_found_on_the_loaders_path()
    {
        _app.RemoveLibtorch(to: "elsewhere");

        var answer = _app.Ask(loaderPath: "elsewhere");

        answer.Error.Should().BeNull();
        answer.Sum.Should().Be(3);
        _app.Ask().Error.Should().NotBeNull("without the loader's path there is no libtorch in this folder");
    }

    [Fact]
    public void A_missing_libtorch_is_named_with_its_package()
    {
        _app.RemoveLibtorch();

        var answer = _app.Ask();

        answer.Error.Should().StartWith($"{nameof(TorchBackendException)}: {TorchBackendFiles.LibtorchFile} was not found")
            .And.Contain($"Reference the package libtorch-cpu-{TorchBackendFiles.Rid} {TorchBackendFiles.PackageVersion}");
        answer.Info.Should().BeEquivalentTo(new { IsAvailable = false, LibraryPath = (string?)null, Version = (string?)null });
        answer.Error.Should().EndWith(answer.Info.Problem);
        Directory.Exists(_app.CopiedFromCache).Should().BeFalse("TorchSharp must not have copied libtorch from the NuGet cache");
    }

    [Theory]
    [InlineData("runtimes/{0}/native")]
    [InlineData(".")]
    public void A_libtorch_for_another_platform_is_named(string folder)
    {
        var (rid, file) = OperatingSystem.IsWindows() ? ("linux-x64", "libtorch_cpu.so") : ("win-x64", "torch_cpu.dll");
        _app.RemoveLibtorch();
        var foreign = _app.Add(Path.Combine(string.Format(null, folder, rid), file), [0]);

        var answer = _app.Ask();

        answer.Error.Should().StartWith($"{nameof(TorchBackendException)}: The native files of this app are for another platform")
            .And.Contain(Path.GetFullPath(foreign)).And.Contain($"this process is {TorchBackendFiles.Rid}").And.Contain($"libtorch-cpu-{TorchBackendFiles.Rid}");
        Directory.Exists(_app.CopiedFromCache).Should().BeFalse();
    }

    [Fact]
    public void A_missing_native_part_of_TorchSharp_is_named_with_its_package()
    {
        File.Delete(_app.Native(TorchBackendFiles.ShimFile));

        _app.Ask().Error.Should().Contain($"{TorchBackendFiles.ShimFile} was not found").And.Contain($"Reference the package TorchSharp {TorchBackendProbe.TorchSharpVersion}");
        Directory.Exists(_app.CopiedFromCache).Should().BeFalse();
    }

    [TorchBackendFact(OnLinux = true)]
    public void A_libstdcxx_that_is_too_old_is_named_with_both_remedies()
    {
        // The version that the file needs is renamed to one that no libstdc++ has yet.
        var shim = _app.ReplaceShim(elf => TorchBackendFolder.RenameNeededVersion(elf, "GLIBCXX_3.4.32", "GLIBCXX_3.4.99"));

        _app.Ask().Error.Should().StartWith($"{nameof(TorchBackendException)}: The libstdc++ of this system is too old: it lacks GLIBCXX_3.4.99, which {shim} needs.")
            .And.Contain("DeqPatchOldLibstdcxx=true").And.Contain("GCC 13");
        Directory.Exists(_app.CopiedFromCache).Should().BeFalse();
    }

    [Fact]
    public void A_damaged_file_is_named_with_the_loaders_reason()
    {
        var shim = _app.ReplaceShim(_ => "not a library"u8.ToArray());

        _app.Ask().Error.Should().StartWith($"{nameof(TorchBackendException)}: {shim} was found but cannot be loaded: ");
    }

    [TorchBackendFact(OnLinux = true)]
    public void A_libtorch_that_lacks_what_TorchSharp_needs_is_named_with_its_version()
    {
        var shim = _app.ReplaceShim(elf => TorchBackendFolder.RenameText(elf, NeededSymbol, NeededSymbol.Replace("what", "whom", StringComparison.Ordinal)));

        _app.Ask().Error.Should().StartWith($"{nameof(TorchBackendException)}: {shim} was found but cannot be loaded: ").And.Contain("undefined symbol: _ZNK3c105Error4whomEv")
            .And.Contain($"It needs libtorch {TorchBackendFiles.PackageVersion}").And.EndWith($"{TorchBackendFiles.LibtorchFile}, version {TorchBackendFiles.PackageVersion}.");
    }

    [Fact]
    public void A_cuda_part_that_cannot_be_loaded_leaves_the_cpu_and_is_named_where_cuda_is_asked_for()
    {
        var cuda = _app.Add(_app.Native(TorchBackendFiles.LibtorchCudaFile), "not a library"u8.ToArray());

        _app.Ask().Sum.Should().Be(3);
        _app.Ask("cuda").Error.Should().Contain("is built for CUDA, but its CUDA part cannot be loaded: ").And.Contain(cuda);
    }

    [Fact]
    public void Cuda_that_is_absent_is_refused_or_replaced_by_the_cpu()
    {
        _app.Ask("cuda", hideCuda: true).Error.Should().Contain("The device \"cuda:0\" was asked for, but there is no CUDA here.");
        var fallen = _app.Ask("cuda:0", fallbackToCpu: true, hideCuda: true);
        fallen.Device.Should().Be("cpu");
        fallen.Sum.Should().Be(3);
    }

    private static string OnDisk(string path) => File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
}
