using System.Buffers.Binary;
using System.Text;

namespace Deq.MLNet.Tests.Eng;

/// <summary>Builds the smallest ELF file that has version needs and version definitions, one name each.</summary>
internal static class ElfBytes
{
    private const int Header = 64;
    private const int NeedSize = 16;
    private const int NeedNameSize = 16;
    private const int DefinitionSize = 20;
    private const int DefinitionNameSize = 8;

    /// <summary>Header, names, needs, definitions, then headers of four sections: none, names, needs, definitions.</summary>
    public static byte[] Library(string[] needs, string[] definitions)
    {
        var names = new MemoryStream();
        uint Name(string text)
        {
            var at = (uint)names.Position;
            names.Write(Encoding.UTF8.GetBytes(text + "\0"));
            return at;
        }
        Name("");

        var need = new byte[NeedSize + needs.Length * NeedNameSize];
        U16(need, 0, 1);
        U16(need, 2, (ushort)needs.Length);
        U32(need, 4, Name("libstdc++.so.6"));
        U32(need, 8, NeedSize);
        for (var i = 0; i < needs.Length; i++)
        {
            var at = NeedSize + i * NeedNameSize;
            U32(need, at + 8, Name(needs[i]));
            U32(need, at + 12, i + 1 < needs.Length ? NeedNameSize : 0u);
        }

        var definition = new byte[definitions.Length * (DefinitionSize + DefinitionNameSize)];
        for (var i = 0; i < definitions.Length; i++)
        {
            var at = i * (DefinitionSize + DefinitionNameSize);
            U16(definition, at, 1);
            U16(definition, at + 6, 1);
            U32(definition, at + 12, DefinitionSize);
            U32(definition, at + 16, i + 1 < definitions.Length ? DefinitionSize + DefinitionNameSize : 0u);
            U32(definition, at + DefinitionSize, Name(definitions[i]));
        }

        var parts = new[] { names.ToArray(), need, definition };
        var image = new byte[Header + parts.Sum(p => p.Length) + 4 * 64];
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(image);
        var tableAt = image.Length - 4 * 64;
        U64(image, 0x28, (ulong)tableAt);
        U16(image, 0x3A, 64);
        U16(image, 0x3C, 4);
        var offset = Header;
        foreach (var (part, type, index) in parts.Zip([3u, 0x6ffffffeu, 0x6ffffffdu], [1, 2, 3]))
        {
            part.CopyTo(image, offset);
            var section = tableAt + index * 64;
            U32(image, section + 4, type);
            U64(image, section + 0x18, (ulong)offset);
            U64(image, section + 0x20, (ulong)part.Length);
            U32(image, section + 0x28, 1);
            offset += part.Length;
        }
        return image;
    }

    private static void U16(byte[] bytes, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at), value);

    private static void U32(byte[] bytes, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);

    private static void U64(byte[] bytes, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), value);
}
