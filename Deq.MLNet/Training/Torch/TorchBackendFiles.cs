using System.Runtime.InteropServices;

namespace Deq.MLNet.Training.Torch;

/// <summary>Which native files TorchSharp needs, and where the host and the system's loader look for them.</summary>
internal static class TorchBackendFiles
{
    /// <summary>The version of libtorch that the referenced TorchSharp is built for; TorchSharp cannot be asked, since asking loads it.</summary>
    public const string PackageVersion = "2.10.0";

    public const string Libtorch = "torch_cpu";
    public const string Shim = "LibTorchSharp";

    // An app published for another platform, or restored for several, holds these names beside or instead of ours.
    private static readonly (string Os, string Prefix, string Suffix)[] Platforms = [("linux", "lib", ".so"), ("win", "", ".dll"), ("osx", "lib", ".dylib")];
    public static readonly string[] PackagedRids = ["linux-x64", "win-x64", "win-arm64", "osx-arm64"];
    private static readonly (string Os, string Prefix, string Suffix) Here = Platforms[OperatingSystem.IsWindows() ? 1 : OperatingSystem.IsMacOS() ? 2 : 0];

    /// <summary>The portable runtime identifier of this process, as "linux-x64".</summary>
    public static string Rid { get; } = $"{Here.Os}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    public static string CpuPackage => $"libtorch-cpu-{Rid}";
    public static bool IsPackaged => PackagedRids.Contains(Rid);
    public static string LibtorchFile => FileName(Libtorch);
    public static string LibtorchCudaFile => FileName("torch_cuda");
    public static string ShimFile => FileName(Shim);

    public static string FileName(string library) => Here.Prefix + library + Here.Suffix;

    /// <summary>The first full path at which the file stands, in the order of the search; null where it is in none of the folders.</summary>
    public static string? Find(string file) => Folders().Select(f => Path.Combine(f, file)).FirstOrDefault(File.Exists);

    /// <summary>The same library for another platform, where one of the app's folders has it; null otherwise.</summary>
    public static string? FindForeign(string library)
    {
        var names = Platforms.Select(p => p.Prefix + library + p.Suffix).ToArray();
        var otherRids = RuntimeFolders().Where(f => Path.GetFileName(Path.GetDirectoryName(f)) != Rid);
        return otherRids.SelectMany(f => names.Select(n => Path.Combine(f, n)))
            .Concat(Folders().SelectMany(f => names.Where(n => n != FileName(library)).Select(n => Path.Combine(f, n))))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>The folders in which the host and then the system's loader look, without doubles.</summary>
    public static IEnumerable<string> Folders()
    {
        var host = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string;
        var loader = Environment.GetEnvironmentVariable(OperatingSystem.IsWindows() ? "PATH" : OperatingSystem.IsMacOS() ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH");
        return Split(host)
            .Append(AppContext.BaseDirectory)
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", Rid, "native"))
            .Concat(Split(loader))
            .Select(Path.TrimEndingDirectorySeparator)
            .Distinct();
    }

    private static IEnumerable<string> RuntimeFolders()
    {
        var runtimes = Path.Combine(AppContext.BaseDirectory, "runtimes");
        return Directory.Exists(runtimes) ? Directory.EnumerateDirectories(runtimes).Select(rid => Path.Combine(rid, "native")) : [];
    }

    private static string[] Split(string? paths) =>
        paths?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
}
