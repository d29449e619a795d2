using System.Globalization;
using System.Text.RegularExpressions;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Tests.Package;

/// <summary>Apps made from the package and the README alone, in an empty folder outside the repository.</summary>
[Collection(nameof(PackedFeed))]
public sealed class StrangerTests(PackedFeed feed) : IDisposable
{
    private static readonly string Trains = Repository.Text("Deq.MLNet.Tests", "Package", "StrangerTrains", "Program.cs.txt");
    private readonly string _folder = Directory.CreateTempSubdirectory("deq-stranger-").FullName;

    // libtorch is copied into the app's output: 600 MB.
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_stranger_trains_with_the_package_and_scores_elsewhere_without_torch()
    {
        // From the package, and not from a cache of this machine, comes only the library.
        File.WriteAllText(Path.Combine(_folder, "nuget.config"), $"""<configuration><packageSources><add key="packed" value="{feed.Folder}" /></packageSources></configuration>""");
        File.WriteAllText(Path.Combine(_folder, "Directory.Build.props"), $"""
            <Project>
              <PropertyGroup>
                <RestorePackagesPath>{Path.Combine(_folder, "packages")}</RestorePackagesPath>
                <RestoreFallbackFolders>{Repository.PackageCache}</RestoreFallbackFolders>
              </PropertyGroup>
            </Project>
            """);
        var classes = Trains[Trains.IndexOf("public class House", StringComparison.Ordinal)..];

        var trained = BuildAndRun("StrangerTrains", Trains);
        Directory.Delete(Path.Combine(_folder, "StrangerTrains"), recursive: true);
        var scored = BuildAndRun("StrangerScores", Program("StrangerScores") + classes);

        // A float is printed with as many digits as tell it from every other: the same text is the same bits.
        scored.Should().Be(trained, "the same model was asked for the same rows, and no native library of torch was loaded");
        var pairs = Regex.Matches(trained, @"^(\S+) was asked, estimated (\S+)\r?$", RegexOptions.Multiline)
            .Select(m => (Asked: float.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture), Estimated: float.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture))).ToList();
        pairs.Should().HaveCount(5).And.OnlyContain(p => Math.Abs(p.Estimated - p.Asked) < 0.2f * p.Asked);
    }

    private string BuildAndRun(string app, string program)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, app)).FullName;
        File.WriteAllText(Path.Combine(folder, "Program.cs"), program);
        File.WriteAllText(Path.Combine(folder, $"{app}.csproj"), Repository.Text("Deq.MLNet.Tests", "Package", app, $"{app}.csproj.txt")
            .Replace("1.0.0-preview.1", feed.Version, StringComparison.Ordinal).Replace("libtorch-cpu-linux-x64", TorchBackendFiles.CpuPackage, StringComparison.Ordinal));
        Repository.Dotnet(folder, "build", "-c", "Release", "-o", "out", "--disable-build-servers");
        File.ReadAllBytes(Path.Combine(folder, "out", "Deq.MLNet.dll")).Should().Equal(File.ReadAllBytes(typeof(DeqNetwork).Assembly.Location), "the app is to run what was packed");
        return Repository.Dotnet(_folder, Path.Combine(app, "out", $"{app}.dll"));
    }

    private static string Program(string app) => Repository.Text("Deq.MLNet.Tests", "Package", app, "Program.cs.txt");
}
