using System.Runtime.CompilerServices;

// The compiler saw these two assemblies with their internals opened (eng/OpenInternals); the run time loads the original files
// and is told here to allow it. CoreCLR honours the attribute by its name; it is no documented contract.
[assembly: IgnoresAccessChecksTo("Microsoft.ML.Core")]
[assembly: IgnoresAccessChecksTo("Microsoft.ML.Data")]

namespace System.Runtime.CompilerServices;

[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class IgnoresAccessChecksToAttribute(string assemblyName) : Attribute
{
    public string AssemblyName { get; } = assemblyName;
}
