using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Deq.MLNet.Eng;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using ModuleDefinition = Mono.Cecil.ModuleDefinition;

namespace Deq.MLNet.Tests.Eng;

public class OpenInternalsTests
{
    private static readonly string OpenedFolder = typeof(OpenInternalsTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(a => a.Key == "OpenedReferences").Value!;

    public static TheoryData<string> Opened => ["Microsoft.ML.Core.dll", "Microsoft.ML.Data.dll"];

    [Theory]
    [MemberData(nameof(Opened))]
    public void Only_access_bits_differ(string name)
    {
        var original = File.ReadAllBytes(Original(name));
        var opened = AccessBits.Open(original);

        var flags = FlagOffsets(original).ToHashSet();
        opened.Should().HaveSameCount(original);
        var changed = Enumerable.Range(0, original.Length).Where(i => original[i] != opened[i]).ToList();
        changed.Should().HaveCountGreaterThan(100);
        changed.Should().OnlyContain(i => flags.Contains(i) && ((original[i] ^ opened[i]) & ~7) == 0);
    }

    [Theory]
    [MemberData(nameof(Opened))]
    public void Internal_becomes_public_and_private_protected_becomes_protected_and_the_rest_stays(string name)
    {
        var original = File.ReadAllBytes(Original(name));
        using var before = ModuleDefinition.ReadModule(new MemoryStream(original));
        using var after = ModuleDefinition.ReadModule(new MemoryStream(AccessBits.Open(original)));

        after.Assembly.FullName.Should().Be(before.Assembly.FullName);
        var pairs = before.GetTypes().Zip(after.GetTypes()).ToList();
        pairs.Should().OnlyContain(p => p.Second.FullName == p.First.FullName && p.Second.IsPublic == (p.First.IsPublic || p.First.IsNotPublic));
        pairs.Where(p => p.First.IsNestedAssembly).Should().OnlyContain(p => p.Second.IsNestedPublic);
        pairs.Where(p => p.First.IsNestedPrivate).Should().OnlyContain(p => p.Second.IsNestedPrivate);

        var methods = pairs.SelectMany(p => p.First.Methods.Zip(p.Second.Methods)).ToList();
        methods.Should().OnlyContain(m => m.Second.FullName == m.First.FullName
            && m.Second.IsPublic == (m.First.IsPublic || m.First.IsAssembly)
            && m.Second.IsFamily == (m.First.IsFamily || m.First.IsFamilyAndAssembly)
            && m.Second.IsPrivate == m.First.IsPrivate
            && m.Second.IsFamilyOrAssembly == m.First.IsFamilyOrAssembly);

        var fields = pairs.SelectMany(p => p.First.Fields.Zip(p.Second.Fields)).ToList();
        fields.Should().OnlyContain(f => f.Second.FullName == f.First.FullName
            && f.Second.IsPublic == (f.First.IsPublic || f.First.IsAssembly)
            && f.Second.IsFamily == (f.First.IsFamily || f.First.IsFamilyAndAssembly)
            && f.Second.IsPrivate == f.First.IsPrivate);
    }

    [Theory]
    [MemberData(nameof(Opened))]
    public void The_output_holds_the_original_and_the_compiler_saw_the_opened_copy(string name)
    {
        var original = File.ReadAllBytes(Original(name));
        File.ReadAllBytes(Path.Combine(OpenedFolder, name)).Should().Equal(AccessBits.Open(original));
        using var module = ModuleDefinition.ReadModule(new MemoryStream(original));
        module.GetTypes().Count(t => t.IsNotPublic).Should().BeGreaterThan(50);
    }

    [Fact]
    public void An_internal_type_is_bound_at_compile_time_and_is_still_internal_at_run_time()
    {
        typeof(LoadableClassAttribute).IsNotPublic.Should().BeTrue();
        typeof(IHostEnvironmentInternal).IsNotPublic.Should().BeTrue();
        ((IHostEnvironmentInternal)new MLContext(seed: 3)).Seed.Should().Be(3);
    }

    [Fact]
    public void A_file_that_is_no_assembly_is_refused_with_the_reason()
    {
        var noPe = () => AccessBits.Open("no PE image"u8.ToArray());
        noPe.Should().Throw<InvalidDataException>().WithMessage("*not a managed assembly*");

        // The smallest PE image that has headers and no CLI header.
        var builder = new BlobBuilder();
        new NativeImage().Serialize(builder);
        var native = () => AccessBits.Open(builder.ToArray());
        native.Should().Throw<InvalidDataException>().WithMessage("*without .NET metadata*");

        var original = File.ReadAllBytes(Original("Microsoft.ML.Core.dll"));
        var cut = () => AccessBits.Open(original[..(original.Length / 2)]);
        cut.Should().Throw<InvalidDataException>();
    }

    private static string Original(string name) => Path.Combine(AppContext.BaseDirectory, name);

    private static IEnumerable<int> FlagOffsets(byte[] image)
    {
        using var pe = new PEReader(new MemoryStream(image));
        var reader = pe.GetMetadataReader();
        foreach (var (table, column) in new[] { (TableIndex.TypeDef, 0), (TableIndex.Field, 0), (TableIndex.MethodDef, 6) })
        {
            var first = pe.PEHeaders.MetadataStartOffset + reader.GetTableMetadataOffset(table) + column;
            for (var row = 0; row < reader.GetTableRowCount(table); row++)
                yield return first + row * reader.GetTableRowSize(table);
        }
    }

    private sealed class NativeImage() : PEBuilder(PEHeaderBuilder.CreateLibraryHeader(), null)
    {
        protected override System.Collections.Immutable.ImmutableArray<Section> CreateSections() =>
            [new Section(".data", SectionCharacteristics.ContainsInitializedData)];

        protected override BlobBuilder SerializeSection(string name, SectionLocation location)
        {
            var blob = new BlobBuilder();
            blob.WriteInt32(0);
            return blob;
        }

        protected override PEDirectoriesBuilder GetDirectories() => new();
    }
}
