using System.Reflection;

namespace Deq.MLNet.Networks;

/// <summary>This library, as what it writes names it.</summary>
internal static class Library
{
    /// <summary>Its version, without the commit it was built from.</summary>
    public static string Version { get; } =
        typeof(Library).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
