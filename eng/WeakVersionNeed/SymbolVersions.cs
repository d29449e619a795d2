using System.Buffers.Binary;
using System.Text;

namespace Deq.MLNet.Eng;

/// <summary>The symbol versions that an ELF library needs of others and defines for others.</summary>
/// <remarks>
/// Record layouts: Linux Standard Base Core, "Symbol Versioning". A need that is flagged weak makes the loader warn instead of fail
/// where the other library lacks the version; that is sound only where no symbol that is really called is bound to it.
/// </remarks>
public static class SymbolVersions
{
    private const uint NeedSection = 0x6ffffffe;
    private const uint DefinitionSection = 0x6ffffffd;
    private const ushort WeakFlag = 0x2;
    private const uint NeedSize = 16;
    private const uint NeedNameSize = 16;
    private const uint DefinitionSize = 20;
    private const uint DefinitionNameSize = 8;

    /// <summary>Flags every need of <paramref name="version"/> as weak, in place; nothing else is changed.</summary>
    /// <param name="image">The bytes of a 64-bit little-endian ELF file; left as they are when an exception is thrown.</param>
    /// <param name="version">A version's name, such as GLIBCXX_3.4.32.</param>
    /// <returns>Whether a byte was changed: false where the version is not needed, or its need is weak already.</returns>
    /// <exception cref="InvalidDataException">The bytes are no such file, or are cut or damaged.</exception>
    public static bool MakeWeak(Span<byte> image, string version)
    {
        var changed = false;
        foreach (var offset in FindNeedFlags(image, version))
        {
            var flags = BinaryPrimitives.ReadUInt16LittleEndian(image[offset..]);
            BinaryPrimitives.WriteUInt16LittleEndian(image[offset..], (ushort)(flags | WeakFlag));
            changed |= (flags & WeakFlag) == 0;
        }
        return changed;
    }

    /// <summary>The offsets, in bytes, of the two-byte flags of each need of <paramref name="version"/>.</summary>
    /// <inheritdoc cref="MakeWeak" path="/param|/exception"/>
    public static IReadOnlyList<int> FindNeedFlags(ReadOnlySpan<byte> image, string version)
    {
        var elf = new ElfReader(image);
        var name = Encoding.UTF8.GetBytes(version);
        var found = new List<int>();
        var sections = elf.Sections();
        foreach (var section in sections.Where(s => s.Type == NeedSection))
        {
            var strings = Strings(sections, section);
            // A damaged chain may cross itself; a sound one has no more records than fit the section.
            var left = section.Size / NeedNameSize;
            for (ulong at = 0, next = 1; next != 0; at += next)
            {
                var need = elf.Record(section, at, NeedSize);
                next = elf.U32(need + 12);
                var nameAt = at + elf.U32(need + 8);
                for (int count = elf.U16(need + 2); count > 0; count--)
                {
                    if (left-- == 0)
                        throw new InvalidDataException("The ELF file is damaged: its version needs hold more names than fit their section.");
                    var entry = elf.Record(section, nameAt, NeedNameSize);
                    if (elf.NameIs(strings, elf.U32(entry + 8), name))
                        found.Add((int)entry + 4);
                    nameAt += elf.U32(entry + 12);
                }
            }
        }
        return found;
    }

    /// <summary>Whether a library defines <paramref name="version"/>.</summary>
    /// <inheritdoc cref="MakeWeak" path="/param|/exception"/>
    public static bool Defines(ReadOnlySpan<byte> image, string version)
    {
        var elf = new ElfReader(image);
        var name = Encoding.UTF8.GetBytes(version);
        var sections = elf.Sections();
        foreach (var section in sections.Where(s => s.Type == DefinitionSection))
        {
            var strings = Strings(sections, section);
            for (ulong at = 0, next = 1; next != 0; at += next)
            {
                var definition = elf.Record(section, at, DefinitionSize);
                next = elf.U32(definition + 16);
                // The first name is the version's own; those after it are its parents'.
                var entry = elf.Record(section, at + elf.U32(definition + 12), DefinitionNameSize);
                if (elf.NameIs(strings, elf.U32(entry), name))
                    return true;
            }
        }
        return false;
    }

    private static ElfSection Strings(List<ElfSection> sections, ElfSection section) => section.Link < (uint)sections.Count
        ? sections[(int)section.Link]
        : throw new InvalidDataException($"The ELF file names section {section.Link} of {sections.Count} as a string section.");
}
