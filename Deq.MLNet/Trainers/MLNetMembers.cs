using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Runtime.CompilerServices;

namespace Deq.MLNet.Trainers;

/// <summary>Checks that the ML.NET that was loaded has every member which this library binds, internal ones among them.</summary>
/// <remarks>
/// What is bound is read from the compiled assembly's own reference tables (ECMA-335 II.22.25 and II.22.38), so there is no list to
/// keep: a new call is checked from the moment it compiles. The assemblies looked into are those named by this library's <see cref="IgnoresAccessChecksToAttribute"/>.
/// </remarks>
internal static class MLNetMembers
{
    private const BindingFlags Any =
        BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.FlattenHierarchy;

    private static readonly HashSet<string> Opened =
        [.. typeof(MLNetMembers).Assembly.GetCustomAttributes<IgnoresAccessChecksToAttribute>().Select(a => a.AssemblyName)];

    private static volatile bool _checked;

    /// <summary>Checks once in the process's life; later calls cost nothing.</summary>
    /// <exception cref="IncompatibleMLNetException">A member is missing; the message names it and the ML.NET version found.</exception>
    public static void EnsurePresent()
    {
        if (_checked)
            return;
        EnsurePresent(typeof(MLNetMembers).Assembly);
        _checked = true;
    }

    /// <inheritdoc cref="EnsurePresent()"/>
    internal static void EnsurePresent(Assembly assembly)
    {
        foreach (var member in BoundBy(assembly))
        {
            Exception? cause = null;
            try
            {
                if (member.Exists())
                    continue;
            }
            catch (Exception e) when (e is MissingMemberException or TypeLoadException)
            {
                cause = e;
            }
            throw new IncompatibleMLNetException(
                $"ML.NET {VersionOf(member.Library)} ({member.Library}) lacks {member.Name}, which {assembly.GetName().Name} binds. " +
                "Reference the version of Microsoft.ML that this package names as its dependency." +
                (cause is null ? "" : " Details: " + cause.Message), cause);
        }
    }

    /// <summary>Every type and member of the opened assemblies that <paramref name="assembly"/> refers to.</summary>
    internal static IEnumerable<BoundMember> BoundBy(Assembly assembly)
    {
        var reader = MetadataOf(assembly);
        var module = assembly.ManifestModule;
        var types = new Dictionary<EntityHandle, BoundMember>();
        foreach (var handle in reader.TypeReferences)
        {
            if (LibraryOf(reader, handle) is not { } library || !Opened.Contains(library))
                continue;
            var token = MetadataTokens.GetToken(handle);
            types.Add(handle, new BoundMember(library, NameOf(reader, handle), () => module.ResolveType(token) is not null));
        }

        var members = new List<BoundMember>();
        foreach (var handle in reader.MemberReferences)
        {
            var member = reader.GetMemberReference(handle);
            var type = GenericDefinition(reader, member.Parent);
            if (!types.TryGetValue(type, out var owner))
                continue;
            var token = MetadataTokens.GetToken(handle);
            var typeToken = MetadataTokens.GetToken(type);
            var name = reader.GetString(member.Name);
            var parameters = ParameterCount(reader, member);
            // A member of a generic type may be written with our own type parameters, which have no value here: it is looked up by
            // its name and its number of parameters.
            Func<bool> exists = type == member.Parent
                ? () => module.ResolveMember(token) is not null
                : () => module.ResolveType(typeToken).GetMember(name, Any).Any(m => (m as MethodBase)?.GetParameters().Length == parameters);
            members.Add(new BoundMember(owner.Library, $"{owner.Name}.{name}", exists));
        }
        return types.Values.Concat(members);
    }

    private static unsafe MetadataReader MetadataOf(Assembly assembly) => assembly.TryGetRawMetadata(out var blob, out var length)
        ? new MetadataReader(blob, length)
        : throw new PlatformNotSupportedException($"The run time does not show the metadata of {assembly.FullName}.");

    private static string? LibraryOf(MetadataReader reader, TypeReferenceHandle handle)
    {
        var scope = reader.GetTypeReference(handle).ResolutionScope;
        return scope.Kind switch
        {
            HandleKind.TypeReference => LibraryOf(reader, (TypeReferenceHandle)scope),
            HandleKind.AssemblyReference => reader.GetString(reader.GetAssemblyReference((AssemblyReferenceHandle)scope).Name),
            _ => null,
        };
    }

    private static string NameOf(MetadataReader reader, TypeReferenceHandle handle)
    {
        var type = reader.GetTypeReference(handle);
        var name = reader.GetString(type.Name);
        if (type.ResolutionScope.Kind == HandleKind.TypeReference)
            return $"{NameOf(reader, (TypeReferenceHandle)type.ResolutionScope)}+{name}";
        return type.Namespace.IsNil ? name : $"{reader.GetString(type.Namespace)}.{name}";
    }

    // For a constructed generic type, the type it was made of; else the handle itself.
    private static EntityHandle GenericDefinition(MetadataReader reader, EntityHandle parent)
    {
        if (parent.Kind != HandleKind.TypeSpecification)
            return parent;
        var signature = reader.GetBlobReader(reader.GetTypeSpecification((TypeSpecificationHandle)parent).Signature);
        if (signature.ReadSignatureTypeCode() != SignatureTypeCode.GenericTypeInstance)
            return parent;
        signature.ReadCompressedInteger();
        return signature.ReadTypeHandle();
    }

    // Null for a field.
    private static int? ParameterCount(MetadataReader reader, MemberReference member)
    {
        var signature = reader.GetBlobReader(member.Signature);
        var header = signature.ReadSignatureHeader();
        if (header.Kind != SignatureKind.Method)
            return null;
        if (header.IsGeneric)
            signature.ReadCompressedInteger();
        return signature.ReadCompressedInteger();
    }

    private static string VersionOf(string library)
    {
        try
        {
            var version = Assembly.Load(library).GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
            return version?.Split('+')[0] ?? "of unknown version";
        }
        catch (Exception e) when (e is IOException or BadImageFormatException)
        {
            return "of unknown version";
        }
    }
}

/// <summary>A type or member of ML.NET that an assembly refers to, and the way to see whether it is there.</summary>
internal sealed record BoundMember(string Library, string Name, Func<bool> Exists);
