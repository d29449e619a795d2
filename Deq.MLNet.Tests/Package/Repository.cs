using System.Diagnostics;
using System.Reflection;

namespace Deq.MLNet.Tests.Package;

/// <summary>What the build knew of itself, and the dotnet command.</summary>
internal static class Repository
{
    /// <summary>Release or Debug, as these tests were built.</summary>
    public static string Configuration { get; } = typeof(Repository).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    /// <summary>The folder of NuGet's packages on this machine.</summary>
    public static string PackageCache { get; } = Metadata("PackageCache");

    public static string Path(params string[] parts) => System.IO.Path.Combine([Metadata("Repository"), .. parts]);

    public static string Text(params string[] parts) => File.ReadAllText(Path(parts));

    /// <summary>Runs dotnet as from a fresh shell: what `dotnet test` hands down to its children is taken out.</summary>
    /// <returns>The standard output.</returns>
    public static string Dotnet(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        // A server left behind would hold the output open, and this would wait for it.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["OMP_NUM_THREADS"] = "1";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.Should().Be(0, "`dotnet {0}` ended with {1}{2}", string.Join(' ', arguments), output, errors.Result);
        return output;
    }

    private static string Metadata(string key) =>
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}
