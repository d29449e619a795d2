namespace Deq.MLNet.Tests.Architecture;

/// <summary>Which folder of the library may know which: the table of the layers, and the rule that reads it.</summary>
internal static class LayerRules
{
    /// <summary>The type that stands in no folder; its parts are DeqCatalog.cs and DeqCatalog.X.cs.</summary>
    public const string Catalog = "DeqCatalog.cs";

    private static readonly Dictionary<string, string[]> Knows = new()
    {
        ["Errors"] = [],
        ["Numerics"] = ["Errors"],
        ["Equilibrium"] = ["Numerics", "Errors"],
        ["Networks"] = ["Equilibrium", "Numerics", "Errors"],
        ["Storage"] = ["Networks", "Equilibrium", "Errors"],
        ["Onnx"] = ["Networks", "Equilibrium", "Numerics", "Errors"],
        ["Training"] = ["Networks", "Equilibrium", "Errors"],
        ["Training/Torch"] = ["Training", "Networks", "Equilibrium", "Errors"],
        ["Training/Simd"] = ["Training", "Networks", "Equilibrium", "Errors", "Numerics"],
        ["Training/Direct"] = ["Training", "Networks", "Equilibrium", "Errors", "Numerics"],
        ["Trainers"] = ["Errors", "Numerics", "Equilibrium", "Networks", "Storage", "Onnx", "Training", "Training/Torch", "Training/Simd", "Training/Direct"],
        [Catalog] = ["Trainers", "Storage", "Onnx", "Errors"],
    };

    /// <summary>Assemblies that only some layers may use; a name that ends with a dot stands for all that begin with it.</summary>
    private static readonly (string Assembly, string[] Layers)[] Reserved =
    [
        ("TorchSharp", ["Training/Torch"]),
        ("Microsoft.ML.", ["Trainers", Catalog]),
        ("Google.Protobuf", ["Onnx"]),
    ];

    /// <summary>The layer of a folder: the longest row of the table that it lies in; null where there is none.</summary>
    public static string? LayerOf(string folder) =>
        folder.StartsWith("DeqCatalog.", StringComparison.Ordinal) ? Catalog : Knows.Keys.Where(layer => folder == layer || folder.StartsWith(layer + "/", StringComparison.Ordinal)).MaxBy(layer => layer.Length);

    public static bool Allows(string fromLayer, string toLayer) => fromLayer == toLayer || Knows[fromLayer].Contains(toLayer);

    public static bool AllowsAssembly(string layer, string assembly) =>
        Reserved.All(r => !(r.Assembly.EndsWith('.') ? assembly.StartsWith(r.Assembly, StringComparison.Ordinal) : assembly == r.Assembly) || r.Layers.Contains(layer));

    /// <summary>Public types live in the root namespace (the catalog in ML.NET's); internal ones in that of their folder (generated code in one below it), or beside the public type whose file they share.</summary>
    public static bool AllowsNamespace(string layer, string folder, string ns, bool isPublic, bool sharesFileWithPublic) =>
        layer == Catalog ? ns == "Microsoft.ML"
        : ns == "Deq.MLNet" ? isPublic || sharesFileWithPublic
        : !isPublic && (ns + ".").StartsWith($"Deq.MLNet.{folder.Replace('/', '.')}.", StringComparison.Ordinal);
}
