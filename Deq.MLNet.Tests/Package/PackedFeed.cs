using System.IO.Compression;
using System.Reflection;

namespace Deq.MLNet.Tests.Package;

/// <summary>A folder with the package of the library as it was built for these tests, under a version that no cache can know.</summary>
[CollectionDefinition(nameof(PackedFeed))]
public sealed class PackedFeed : ICollectionFixture<PackedFeed>, IDisposable
{
    public PackedFeed()
    {
        var built = typeof(DeqNetwork).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
        Version = $"{built}.{DateTime.UtcNow.Ticks}";
        Repository.Dotnet(Repository.Path("Deq.MLNet"), "pack", "--no-build", "-c", Repository.Configuration, "-o", Folder, $"-p:PackageVersion={Version}");
        Package = ZipFile.OpenRead(Path.Combine(Folder, $"Deq.MLNet.{Version}.nupkg"));
        Symbols = ZipFile.OpenRead(Path.Combine(Folder, $"Deq.MLNet.{Version}.snupkg"));
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("deq-feed-").FullName;

    public string Version { get; }

    public ZipArchive Package { get; }

    public ZipArchive Symbols { get; }

    /// <summary>The names of a package's files, without those that every NuGet package has for the format's sake.</summary>
    public static IEnumerable<string> Files(ZipArchive package) =>
        package.Entries.Select(e => e.FullName).Where(n => n != "[Content_Types].xml" && !n.StartsWith("_rels/", StringComparison.Ordinal) && !n.StartsWith("package/", StringComparison.Ordinal));

    public static byte[] Read(ZipArchive package, string name)
    {
        using var stream = package.GetEntry(name)!.Open();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    public void Dispose()
    {
        Package.Dispose();
        Symbols.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
