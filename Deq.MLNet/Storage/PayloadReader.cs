using System.Buffers.Binary;

namespace Deq.MLNet.Storage;

/// <summary>Reads fields from bytes in order. Every failure names the field and the offset; nothing is allocated before its bytes are known to be there.</summary>
internal ref struct PayloadReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _offset;

    public byte Byte(string field) => Take(1, field)[0];

    public int Int32(string field) => BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int), field));

    public float Single(string field) => BinaryPrimitives.ReadSingleLittleEndian(Take(sizeof(float), field));

    public double Double(string field) => BinaryPrimitives.ReadDoubleLittleEndian(Take(sizeof(double), field));

    public bool Bool(string field) => Byte(field) switch
    {
        0 => false,
        1 => true,
        var other => throw Invalid(field, other),
    };

    public T Enum<T>(string field) where T : struct, Enum
    {
        int value = Byte(field);
        return System.Enum.IsDefined(typeof(T), value) ? (T)(object)value : throw Invalid(field, value);
    }

    /// <summary>A size: an int32 that is positive.</summary>
    public int Size(string field)
    {
        var size = Int32(field);
        return size > 0 ? size : throw Invalid(field, size);
    }

    /// <summary>How many there are: an int32 that is not negative.</summary>
    public int Count(string field)
    {
        var count = Int32(field);
        return count >= 0 ? count : throw Invalid(field, count);
    }

    /// <summary>A matrix of rows x columns values; the product of two sizes cannot overflow an int64.</summary>
    public float[] Singles(long rows, long columns, string field)
    {
        var count = rows * columns;
        if (count > (_bytes.Length - _offset) / sizeof(float))
        {
            throw new ModelFormatException($"The network's field {field} at byte {_offset} of its content claims {rows} x {columns} values; {_bytes.Length - _offset} bytes are left.");
        }
        var source = Take((int)count * sizeof(float), field);
        var values = new float[count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(source[(i * sizeof(float))..]);
        }
        return values;
    }

    public readonly void End()
    {
        if (_offset != _bytes.Length)
        {
            throw new ModelFormatException($"The network's content ends at byte {_offset}, but has {_bytes.Length} bytes.");
        }
    }

    /// <summary>The exception for a value that a field must not have.</summary>
    public readonly ModelFormatException Invalid(string field, object value) =>
        new(FormattableString.Invariant($"The network's field {field}, before byte {_offset} of its content, has the impossible value {value}."));

    private ReadOnlySpan<byte> Take(int count, string field)
    {
        if (count > _bytes.Length - _offset)
        {
            throw new ModelFormatException($"The network's content ends inside the field {field}: {count} bytes are needed at byte {_offset} of {_bytes.Length}.");
        }
        var taken = _bytes.Slice(_offset, count);
        _offset += count;
        return taken;
    }
}
