using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Deq.MLNet.Eng;

/// <summary>Opens the internal members of a compiled assembly, for the compiler's eyes only.</summary>
/// <remarks>
/// Columns and flag values are those of ECMA-335 II.22 and II.23: the access bits are the low three bits of the flags column of
/// the TypeDef, Field and MethodDef tables. Nothing else is changed, so sizes, tokens and the assembly's identity stay as they are.
/// </remarks>
public static class AccessBits
{
    private const int AccessMask = 0x7;

    // A MethodDef row starts with RVA (4 bytes) and ImplFlags (2 bytes); the other two start with their flags.
    private const int MethodFlagsColumn = 6;

    /// <summary>A copy of <paramref name="assembly"/> with internal made public, and private protected made protected.</summary>
    /// <param name="assembly">The bytes of a managed PE file; they are not changed.</param>
    /// <returns>Bytes of the same length.</returns>
    /// <exception cref="InvalidDataException">The bytes are not a managed assembly.</exception>
    public static byte[] Open(byte[] assembly)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        var opened = (byte[])assembly.Clone();
        try
        {
            using var pe = new PEReader(new MemoryStream(assembly, writable: false));
            if (!pe.HasMetadata)
                throw new InvalidDataException("The file is a PE image without .NET metadata, not a managed assembly.");
            var tables = new Tables(pe.GetMetadataReader(), pe.PEHeaders.MetadataStartOffset);
            tables.Map(opened, TableIndex.TypeDef, 0, OpenType);
            tables.Map(opened, TableIndex.Field, 0, OpenField);
            tables.Map(opened, TableIndex.MethodDef, MethodFlagsColumn, OpenMethod);
        }
        catch (BadImageFormatException e)
        {
            throw new InvalidDataException("The file is not a managed assembly: " + e.Message, e);
        }
        return opened;
    }

    private static int OpenType(int access) => (TypeAttributes)access switch
    {
        TypeAttributes.NotPublic => (int)TypeAttributes.Public,
        TypeAttributes.NestedAssembly => (int)TypeAttributes.NestedPublic,
        TypeAttributes.NestedFamANDAssem => (int)TypeAttributes.NestedFamily,
        _ => access,
    };

    private static int OpenField(int access) => (FieldAttributes)access switch
    {
        FieldAttributes.Assembly => (int)FieldAttributes.Public,
        FieldAttributes.FamANDAssem => (int)FieldAttributes.Family,
        _ => access,
    };

    private static int OpenMethod(int access) => (MethodAttributes)access switch
    {
        MethodAttributes.Assembly => (int)MethodAttributes.Public,
        MethodAttributes.FamANDAssem => (int)MethodAttributes.Family,
        _ => access,
    };

    private readonly record struct Tables(MetadataReader Reader, int MetadataStart)
    {
        public void Map(byte[] image, TableIndex table, int column, Func<int, int> open)
        {
            var offset = MetadataStart + Reader.GetTableMetadataOffset(table) + column;
            for (var row = 0; row < Reader.GetTableRowCount(table); row++, offset += Reader.GetTableRowSize(table))
                image[offset] = (byte)((image[offset] & ~AccessMask) | open(image[offset] & AccessMask));
        }
    }
}
