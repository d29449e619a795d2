using Mono.Cecil;

namespace Deq.MLNet.Tests.Architecture;

/// <summary>The arrows between the types of the compiled library, against the table of layers.</summary>
public sealed class LayerTests : IDisposable
{
    private const string Project = "Deq.MLNet";

    private static readonly string Library = typeof(DeqNetwork).Assembly.Location;

    private readonly ModuleDefinition _module = ModuleDefinition.ReadModule(Library);

    private readonly Dictionary<int, HashSet<string>> _files;

    public LayerTests()
    {
        using var assembly = File.OpenRead(Library);
        using var pdb = File.OpenRead(Path.ChangeExtension(Library, ".pdb"));
        _files = SourceFiles.Of(assembly, pdb, Project);
    }

    public void Dispose() => _module.Dispose();

    [Fact]
    public void Every_type_stands_in_the_folder_of_one_layer()
    {
        foreach (var type in Written())
        {
            var layers = FilesOf(type).Select(f => LayerRules.LayerOf(FolderOf(f))).Distinct().ToList();
            layers.Should().ContainSingle($"{type.FullName} stands in {string.Join(", ", FilesOf(type))}").Which.Should().NotBeNull($"{type.FullName} stands in no layer's folder");
        }
        Written().Select(t => t.FullName).Should().Contain(["Deq.MLNet.SolveStatus", "Deq.MLNet.Equilibrium.IRowStep`1", "Deq.MLNet.Equilibrium.CellWeights`1", "Deq.MLNet.DeqNetwork"]);
    }

    [Fact]
    public void No_type_knows_a_layer_that_its_own_does_not_know()
    {
        var arrows = Written().SelectMany(from => LibraryTypes.ReferencesOf(from).Where(r => r.Scope == _module).Select(r => r.Resolve()).Distinct()
            .Where(to => IsWritten(to) && LayerOf(from) != LayerOf(to)).Select(to => (From: from, To: to))).ToList();
        arrows.Should().HaveCountGreaterThan(20, "networks alone use numerics and equilibria that often");
        None(arrows.Where(a => !LayerRules.Allows(LayerOf(a.From)!, LayerOf(a.To)!))
            .Select(a => $"{a.From.FullName} of {LayerOf(a.From)} uses {a.To.FullName} of {LayerOf(a.To)}"));
    }

    [Fact]
    public void Torch_ML_NET_and_protobuf_are_used_by_their_layers_only() =>
        None(Written().SelectMany(type => LibraryTypes.ReferencesOf(type).Where(r => r.Scope is AssemblyNameReference && !LayerRules.AllowsAssembly(LayerOf(type)!, r.Scope.Name))
            .Select(r => $"{type.FullName} of {LayerOf(type)} uses {r.FullName} of {r.Scope.Name}")));

    [Fact]
    public void Namespaces_follow_the_folders_and_public_types_are_at_the_root()
    {
        var publicFiles = Written().Where(t => t.IsPublic).SelectMany(FilesOf).ToHashSet();
        None(Written().Where(t => !t.IsNested && t.Namespace != "System.Runtime.CompilerServices")
            .Where(t => !LayerRules.AllowsNamespace(LayerOf(t)!, FolderOf(FilesOf(t).First()), t.Namespace, t.IsPublic, FilesOf(t).Overlaps(publicFiles)))
            .Select(t => $"{t.FullName} stands in {FilesOf(t).First()}"));
    }

    [Theory]
    [InlineData("Numerics", "Networks")]
    [InlineData("Errors", "Numerics")]
    [InlineData("Training/Torch", "Training/Simd")]
    [InlineData("Training", "Training/Torch")]
    [InlineData("Training/Torch", "Numerics")]
    [InlineData("Storage", "Training")]
    [InlineData("Onnx", "Storage")]
    [InlineData("Networks", "Trainers")]
    [InlineData(LayerRules.Catalog, "Networks")]
    public void A_forbidden_arrow_is_seen(string from, string to) => LayerRules.Allows(from, to).Should().BeFalse();

    [Fact]
    public void The_rules_tell_layers_assemblies_and_namespaces_apart()
    {
        LayerRules.LayerOf("Training/Torch/Solvers").Should().Be("Training/Torch");
        LayerRules.LayerOf("Trainers/Onnx").Should().Be("Trainers");
        LayerRules.LayerOf("TrainingX").Should().BeNull();
        LayerRules.Allows("Training/Torch", "Training").Should().BeTrue();
        LayerRules.AllowsAssembly("Training/Torch", "TorchSharp").Should().BeTrue();
        LayerRules.AllowsAssembly("Training", "TorchSharp").Should().BeFalse();
        LayerRules.AllowsAssembly("Onnx", "Microsoft.ML.Data").Should().BeFalse();
        LayerRules.AllowsAssembly("Trainers", "Google.Protobuf").Should().BeFalse();
        LayerRules.AllowsNamespace("Numerics", "Numerics", "Deq.MLNet", false, false).Should().BeFalse();
        LayerRules.AllowsNamespace("Numerics", "Numerics", "Deq.MLNet.Numerics", true, true).Should().BeFalse();
        LayerRules.AllowsNamespace("Numerics", "Numerics", "Deq.MLNet.Networks", false, false).Should().BeFalse();
        SourceFiles.Relative("C:\\code\\Deq.MLNet\\Deq.MLNet\\obj\\Release\\net10.0\\Onnx\\Model.cs", Project).Should().Be("Onnx/Model.cs");
    }

    [Fact]
    public void References_are_seen_in_signatures_bodies_fields_and_generic_arguments()
    {
        using var tests = ModuleDefinition.ReadModule(typeof(Probe).Assembly.Location);
        var probe = tests.GetType(typeof(LayerTests).FullName).NestedTypes.Single(t => t.Name == nameof(Probe));
        LibraryTypes.ReferencesOf(probe).Select(r => r.Name).Should()
            .Contain([nameof(Picard), nameof(Tolerance), nameof(Link), nameof(DeqException), nameof(Certificate), nameof(UnrollCurve)]);
    }

    private sealed class Probe
    {
        public List<Picard[]> Field = [];

        public static Link Signature(ref Tolerance tolerance) => tolerance is null ? Link.Exp : Link.Identity;

        public static object? Body(object o)
        {
            try
            {
                return o as Certificate ?? Array.Empty<UnrollCurve>() as object;
            }
            catch (DeqException)
            {
                return null;
            }
        }
    }

    private static void None(IEnumerable<string> breaches) => string.Join('\n', breaches.Distinct()).Should().BeEmpty();

    private IEnumerable<TypeDefinition> Written() => _module.GetTypes().Where(IsWritten);

    /// <summary>Not made up by the compiler for itself: it, or the type around it, stands in a file.</summary>
    private bool IsWritten(TypeDefinition type) => FilesOf(type).Count > 0;

    private HashSet<string> FilesOf(TypeDefinition type) => _files[type.MetadataToken.ToInt32()] switch
    {
        { Count: 0 } when type.DeclaringType is { } outer => FilesOf(outer),
        var files => files,
    };

    private string? LayerOf(TypeDefinition type) => LayerRules.LayerOf(FolderOf(FilesOf(type).First()));

    private static string FolderOf(string file) => file.LastIndexOf('/') is var slash and > 0 ? file[..slash] : file;
}
