using System.Buffers.Binary;

namespace Deq.MLNet.Eng;

/// <summary>A section of an ELF file: type, place in the file in bytes, and the index of the section it refers to.</summary>
internal readonly record struct ElfSection(uint Type, ulong Offset, ulong Size, uint Link);

/// <summary>Reads fields and sections of a 64-bit little-endian ELF file; every access is checked against the file's length.</summary>
/// <remarks>Layouts: System V ABI, chapter 4, and the ELF-64 Object File Format.</remarks>
internal readonly ref struct ElfReader
{
    private const int HeaderSize = 64;
    private const int SectionHeaderSize = 64;

    private readonly ReadOnlySpan<byte> _image;

    public ElfReader(ReadOnlySpan<byte> image)
    {
        if (!image.StartsWith("\u007fELF"u8))
            throw new InvalidDataException("The file is not an ELF file.");
        if (image.Length < HeaderSize)
            throw new InvalidDataException($"The ELF file is cut: its header needs {HeaderSize} bytes and the file has {image.Length}.");
        if (image[4] != 2 || image[5] != 1)
            throw new InvalidDataException($"The ELF file is not 64-bit little-endian (class {image[4]}, data {image[5]}).");
        _image = image;
    }

    public ushort U16(ulong offset) => BinaryPrimitives.ReadUInt16LittleEndian(Slice(offset, sizeof(ushort)));

    public uint U32(ulong offset) => BinaryPrimitives.ReadUInt32LittleEndian(Slice(offset, sizeof(uint)));

    public ulong U64(ulong offset) => BinaryPrimitives.ReadUInt64LittleEndian(Slice(offset, sizeof(ulong)));

    public List<ElfSection> Sections()
    {
        var table = U64(0x28);
        var entrySize = U16(0x3A);
        var count = U16(0x3C);
        if (count > 0 && entrySize != SectionHeaderSize)
            throw new InvalidDataException($"The ELF file has section headers of {entrySize} bytes; {SectionHeaderSize} are expected.");
        Slice(table, (ulong)count * SectionHeaderSize);
        var sections = new List<ElfSection>(count);
        for (var at = table; sections.Count < count; at += SectionHeaderSize)
            sections.Add(new ElfSection(U32(at + 4), U64(at + 0x18), U64(at + 0x20), U32(at + 0x28)));
        return sections;
    }

    /// <summary>Whether the zero-ended string at <paramref name="offset"/> of a string section is <paramref name="text"/>.</summary>
    public bool NameIs(ElfSection strings, uint offset, ReadOnlySpan<byte> text)
    {
        var section = Slice(strings.Offset, strings.Size);
        if (offset >= (uint)section.Length)
            throw new InvalidDataException($"The ELF file has a name at {offset} of a string section of {section.Length} bytes.");
        var rest = section[(int)offset..];
        return rest.Length > text.Length && rest.StartsWith(text) && rest[text.Length] == 0;
    }

    /// <summary>The place of a record of <paramref name="size"/> bytes, <paramref name="offset"/> bytes into a section.</summary>
    public ulong Record(ElfSection section, ulong offset, uint size)
    {
        Slice(section.Offset, section.Size);
        if (offset > section.Size || size > section.Size - offset)
            throw new InvalidDataException($"The ELF file has a record of {size} bytes at {offset} of a section of {section.Size} bytes.");
        return section.Offset + offset;
    }

    private ReadOnlySpan<byte> Slice(ulong offset, ulong size)
    {
        var length = (ulong)_image.Length;
        if (offset > length || size > length - offset)
            throw new InvalidDataException($"The ELF file is cut or damaged: {size} bytes at {offset} lie outside its {length} bytes.");
        return _image.Slice((int)offset, (int)size);
    }
}
