using System.ComponentModel;
using System.Diagnostics;

namespace Deq.MLNet.Eng;

/// <summary>Finds the library that the Linux loader of this machine would take.</summary>
public static class SystemLibrary
{
    private static readonly string[] UsualFolders =
        ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];
    private static readonly string[] CacheReaders = ["/sbin/ldconfig", "/usr/sbin/ldconfig"];

    /// <summary>The loader's order: LD_LIBRARY_PATH, the loader's cache, the usual folders.</summary>
    /// <param name="name">A file name such as libstdc++.so.6.</param>
    /// <returns>Paths of files that exist, best first; some may be of another architecture.</returns>
    public static IEnumerable<string> Candidates(string name)
    {
        var loaderPath = (Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return loaderPath.Select(f => Path.Combine(f, name))
            .Concat(PathsInCache(LoaderCache(), name))
            .Concat(UsualFolders.Select(f => Path.Combine(f, name)))
            .Where(File.Exists);
    }

    /// <summary>The x86-64 paths of <paramref name="name"/> in what `ldconfig -p` prints.</summary>
    /// <param name="cache">Lines of the form "name (libc6,x86-64) => path".</param>
    /// <param name="name">The library's file name.</param>
    public static IEnumerable<string> PathsInCache(string cache, string name) =>
        from line in cache.Split('\n', StringSplitOptions.TrimEntries)
        where line.StartsWith(name + " (", StringComparison.Ordinal) && line.Contains("x86-64", StringComparison.Ordinal)
        let arrow = line.IndexOf("=> ", StringComparison.Ordinal)
        where arrow > 0
        select line[(arrow + 3)..];

    private static string LoaderCache()
    {
        // Distributions without ldconfig, or with it off the path, are served by the usual folders.
        var ldconfig = CacheReaders.FirstOrDefault(File.Exists);
        if (ldconfig is null)
            return "";
        try
        {
            using var process = Process.Start(new ProcessStartInfo(ldconfig, "-p") { RedirectStandardOutput = true })!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return output;
        }
        catch (Win32Exception)
        {
            return "";
        }
    }
}
