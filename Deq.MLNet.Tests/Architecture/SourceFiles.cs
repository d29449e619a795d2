using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace Deq.MLNet.Tests.Architecture;

/// <summary>The source files of the types of an assembly, as its portable PDB has them.</summary>
internal static class SourceFiles
{
    /// <summary>The record in which the compiler names the files of types that have no code (portable PDB specification, TypeDefinitionDocuments).</summary>
    private static readonly Guid TypeDefinitionDocuments = new("932E74BC-DBA9-4478-8D46-0F32A7BAB3D3");

    /// <summary>By metadata token of each type: its files, relative to the project's folder. Types that the compiler made up have none.</summary>
    public static Dictionary<int, HashSet<string>> Of(Stream assembly, Stream pdb, string project)
    {
        using var pe = new System.Reflection.PortableExecutable.PEReader(assembly);
        using var provider = MetadataReaderProvider.FromPortablePdbStream(pdb);
        var (metadata, symbols) = (pe.GetMetadataReader(), provider.GetMetadataReader());
        var files = metadata.TypeDefinitions.ToDictionary(h => MetadataTokens.GetToken(h), _ => new HashSet<string>());
        foreach (var handle in symbols.MethodDebugInformation)
        {
            var method = symbols.GetMethodDebugInformation(handle);
            foreach (var point in method.GetSequencePoints())
            {
                files[MetadataTokens.GetToken(metadata.GetMethodDefinition(handle.ToDefinitionHandle()).GetDeclaringType())].Add(Name(point.Document));
            }
        }
        foreach (var handle in symbols.CustomDebugInformation)
        {
            var information = symbols.GetCustomDebugInformation(handle);
            if (information.Parent.Kind == HandleKind.TypeDefinition && symbols.GetGuid(information.Kind) == TypeDefinitionDocuments)
            {
                var blob = symbols.GetBlobReader(information.Value);
                while (blob.RemainingBytes > 0)
                {
                    files[MetadataTokens.GetToken(information.Parent)].Add(Name(MetadataTokens.DocumentHandle(blob.ReadCompressedInteger())));
                }
            }
        }
        foreach (var set in files.Values)
        {
            // What the compiler's own generators add (of a regular expression, say) is the runtime's code.
            set.RemoveWhere(f => f.EndsWith(".g.cs", StringComparison.Ordinal));
        }
        return files;

        string Name(DocumentHandle document) => Relative(symbols.GetString(symbols.GetDocument(document).Name), project);
    }

    /// <summary>A path below the project's folder. What a build tool generated from a source file counts where that file stands: obj/Release/net10.0/Onnx/X.cs is Onnx/X.cs.</summary>
    public static string Relative(string path, string project)
    {
        var marker = $"/{project}/";
        path = path.Replace('\\', '/');
        var parts = path[(path.LastIndexOf(marker, StringComparison.Ordinal) + marker.Length)..].Split('/');
        return string.Join('/', parts[0] == "obj" ? parts[3..] : parts);
    }
}
