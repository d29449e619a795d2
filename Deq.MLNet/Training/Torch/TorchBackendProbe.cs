using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using TorchSharp;

namespace Deq.MLNet.Training.Torch;

/// <summary>The libtorch that this process has loaded; where it is built for CUDA, and its CUDA part cannot be loaded, with the reason.</summary>
internal sealed record LoadedLibtorch(string? FullPath, string? Version, bool HasCuda, string? CudaFailure = null);

/// <summary>Loads the native files as TorchSharp will, and explains a failure.</summary>
internal static partial class TorchBackendProbe
{
    // typeof does not run the static constructor.
    private static readonly Assembly TorchSharpAssembly = typeof(torch).Assembly;

    public static string TorchSharpVersion { get; } =
        TorchSharpAssembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
        ?? TorchSharpAssembly.GetName().Version!.ToString(3);

    /// <exception cref="TorchBackendException">A native file is missing or cannot be loaded.</exception>
    public static LoadedLibtorch Load()
    {
        // The names and the order of TorchSharp's own first load. There, too, only the last one has to succeed: it brings a libtorch that only
        // the system's loader knows of.
        NativeLibrary.TryLoad(TorchBackendFiles.Libtorch, TorchSharpAssembly, null, out var libtorch);
        try
        {
            NativeLibrary.Load(TorchBackendFiles.Shim, TorchSharpAssembly, null);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new TorchBackendException(Explain(e, libtorch), e);
        }
        var path = LoadedPath();
        var beside = Path.Combine(Path.GetDirectoryName(path) ?? "", TorchBackendFiles.LibtorchCudaFile);
        var cuda = TorchBackendFiles.Find(TorchBackendFiles.LibtorchCudaFile) ?? (File.Exists(beside) ? beside : null);
        // TorchSharp loads it too, but drops the reason of a failure.
        return new(path, VersionOf(libtorch), cuda is not null, cuda is null ? null : FailureOf(cuda)?.Message);
    }

    private static string Explain(Exception failure, nint libtorch)
    {
        // The failure by name lists every name that was tried; that of the file itself says what is wrong with it.
        var shim = TorchBackendFiles.Find(TorchBackendFiles.ShimFile);
        var reason = (shim is null ? failure : FailureOf(shim) ?? failure).Message;

        if (MissingVersion().Match(reason) is { Success: true } missing)
            return TooOld(missing.Groups["version"].Value, missing.Groups["file"].Value);
        if (TorchBackendFiles.Find(TorchBackendFiles.LibtorchFile) is not { } found)
            return Missing(TorchBackendFiles.Libtorch, $"{TorchBackendFiles.CpuPackage} {TorchBackendFiles.PackageVersion} (or a TorchSharp-cuda package)");
        if (shim is null)
            return Missing(TorchBackendFiles.Shim, $"TorchSharp {TorchSharpVersion}");
        return $"{shim} was found but cannot be loaded: {reason}\n" +
            $"It needs libtorch {TorchBackendFiles.PackageVersion}, with all its files in one folder with it or in folders that the system's loader searches. " +
            $"What was found is {found}, {(VersionOf(libtorch) is { } version ? $"version {version}" : libtorch == 0 ? "which cannot be loaded either" : "of a version that it does not tell, an older one")}.";
    }

    private static string Missing(string library, string package)
    {
        var file = TorchBackendFiles.FileName(library);
        if (!TorchBackendFiles.IsPackaged)
            return $"{file} was not found, and there is no package of libtorch for this platform, {TorchBackendFiles.Rid}. Train on one of {string.Join(", ", TorchBackendFiles.PackagedRids)}.";
        if (TorchBackendFiles.FindForeign(library) is { } foreign)
            return $"The native files of this app are for another platform: there is {foreign}, but this process is {TorchBackendFiles.Rid} and needs {file}. " +
                $"Reference the package {package} in the app's project, or publish with `-r {TorchBackendFiles.Rid}`.";
        return $"{file} was not found: no libtorch for {TorchBackendFiles.Rid} is part of this app or on the system loader's path. " +
            $"Reference the package {package} in the app's project; this library brings none, since the choice of CPU or CUDA is the app's. Looked in:\n  " +
            string.Join("\n  ", TorchBackendFiles.Folders());
    }

    private static string TooOld(string version, string file) => version.StartsWith("GLIBC_", StringComparison.Ordinal)
        ? $"The C library of this system is too old: it lacks {version}, which {file} needs. Use a newer distribution or container image."
        : $"The libstdc++ of this system is too old: it lacks {version}, which {file} needs. Either set the property DeqPatchOldLibstdcxx=true in the app's project " +
            "(the build then relaxes this need in the copy in the output folder), or install the libstdc++ of GCC 13 or newer (Debian 13, Ubuntu 24.04).";

    private static Exception? FailureOf(string path)
    {
        try
        {
            NativeLibrary.Load(path);
            return null;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            return e;
        }
    }

    private static string? LoadedPath()
    {
        using var process = Process.GetCurrentProcess();
        return process.Modules.Cast<ProcessModule>().FirstOrDefault(m => m.ModuleName == TorchBackendFiles.LibtorchFile)?.FileName
            ?? TorchBackendFiles.Find(TorchBackendFiles.LibtorchFile);
    }

    // libtorch's stable C interface: major, minor and patch in the three highest bytes. Older versions do not have it.
    private static unsafe string? VersionOf(nint libtorch)
    {
        if (libtorch == 0 || !NativeLibrary.TryGetExport(libtorch, "aoti_torch_abi_version", out var function))
            return null;
        var version = ((delegate* unmanaged<ulong>)function)();
        return $"{version >> 56}.{(version >> 48) & 0xFF}.{(version >> 40) & 0xFF}";
    }

    // glibc: "<path>: version `GLIBCXX_3.4.32' not found (required by <path>)". Its words may come translated.
    [GeneratedRegex(@"(?<version>(GLIBCXX|CXXABI|GLIBC)_[\d.]+)[^(\n]*\([^/\n]*(?<file>/[^)\n]+)\)")]
    private static partial Regex MissingVersion();
}
