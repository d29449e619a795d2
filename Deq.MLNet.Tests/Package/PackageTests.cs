using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;
using System.Xml.Linq;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;
using Microsoft.ML.Transforms;

namespace Deq.MLNet.Tests.Package;

[Collection(nameof(PackedFeed))]
public sealed class PackageTests(PackedFeed feed)
{
    private const string Library = "lib/net10.0/Deq.MLNet.dll";

    [Fact]
    public void The_package_holds_the_library_its_documentation_and_the_opt_in_patch_and_nothing_else()
    {
        PackedFeed.Files(feed.Package).Should().BeEquivalentTo(
            "Deq.MLNet.nuspec", "README.md", Library, "lib/net10.0/Deq.MLNet.xml", "buildTransitive/Deq.MLNet.targets",
            "tools/net10.0/WeakVersionNeed.dll", "tools/net10.0/WeakVersionNeed.runtimeconfig.json");
        Encoding.UTF8.GetString(PackedFeed.Read(feed.Package, "README.md")).Should().Be(Repository.Text("README.md"));
    }

    [Fact]
    public void The_packed_library_is_the_one_these_tests_run()
    {
        PackedFeed.Read(feed.Package, Library).Should().Equal(File.ReadAllBytes(typeof(DeqNetwork).Assembly.Location));
    }

    [Fact]
    public void The_library_references_ml_net_as_its_packages_have_it()
    {
        using var pe = new PEReader(new MemoryStream(PackedFeed.Read(feed.Package, Library)));
        var metadata = pe.GetMetadataReader();
        var references = metadata.AssemblyReferences.Select(h => metadata.GetAssemblyReference(h).GetAssemblyName().FullName).ToList();

        references.Where(r => r.StartsWith("Microsoft.ML", StringComparison.Ordinal)).Should().BeEquivalentTo(
            new[] { typeof(IHostEnvironment), typeof(MLContext), typeof(IDataView), typeof(OneVersusAllTrainer), typeof(OneHotEncodingTransformer) }.Select(t => t.Assembly.FullName));
        references.Select(r => r.Split(',')[0]).Should().NotContain(name => name.StartsWith("Deq", StringComparison.Ordinal) || name == "SkiaSharp");
    }

    [Fact]
    public void An_app_gets_four_dependencies_and_no_version_that_only_this_repository_needs()
    {
        var nuspec = XDocument.Parse(Encoding.UTF8.GetString(PackedFeed.Read(feed.Package, "Deq.MLNet.nuspec")).TrimStart('\uFEFF'));

        Elements("dependency").Select(d => $"{d.Attribute("id")!.Value} {d.Attribute("version")!.Value}").Should().BeEquivalentTo(
            $"Microsoft.ML {Normalized("Microsoft.ML")}", $"TorchSharp {Pinned("TorchSharp")}", $"Google.Protobuf {Pinned("Google.Protobuf")}", $"System.Numerics.Tensors {Pinned("System.Numerics.Tensors")}");
        Elements("license").Single().Value.Should().Be("MIT");
        Elements("readme").Single().Value.Should().Be("README.md");
        Elements("repository").Attributes("url").Should().BeEmpty("there is no public repository yet");

        IEnumerable<XElement> Elements(string name) => nuspec.Descendants().Where(e => e.Name.LocalName == name);
    }

    [Fact]
    public void The_symbols_carry_the_sources_and_no_path_of_the_machine()
    {
        PackedFeed.Files(feed.Symbols).Should().BeEquivalentTo("Deq.MLNet.nuspec", "lib/net10.0/Deq.MLNet.pdb");
        using var provider = MetadataReaderProvider.FromPortablePdbStream(new MemoryStream(PackedFeed.Read(feed.Symbols, "lib/net10.0/Deq.MLNet.pdb")));
        var pdb = provider.GetMetadataReader();
        var embeddedSource = new Guid("0E8A571B-6926-466E-B4AD-8AB04611F5FE");

        foreach (var handle in pdb.Documents)
        {
            var name = pdb.GetString(pdb.GetDocument(handle).Name);
            name.Should().StartWith("/_/");
            pdb.GetCustomDebugInformation(handle).Should().Contain(h => pdb.GetGuid(pdb.GetCustomDebugInformation(h).Kind) == embeddedSource, "{0} is to be read in a debugger", name);
        }
    }

    private static string Pinned(string package) =>
        XDocument.Parse(Repository.Text("Directory.Packages.props")).Descendants("PackageVersion").Single(e => e.Attribute("Include")!.Value == package).Attribute("Version")!.Value;

    // NuGet writes a range's bounds out: [5.0.1,6.0) becomes [5.0.1, 6.0.0).
    private static string Normalized(string package) => Pinned(package).Replace(",6.0)", ", 6.0.0)", StringComparison.Ordinal);
}
