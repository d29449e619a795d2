namespace Deq.MLNet.Onnx;

/// <summary>What a tensor holds, by ONNX's own numbers (TensorProto.DataType).</summary>
internal enum OnnxType
{
    Single = 1,
    Byte = 2,
    SByte = 3,
    UInt16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Boolean = 9,
    Half = 10,
    Double = 11,
    UInt32 = 12,
    UInt64 = 13,
}

internal static class OnnxTypes
{
    /// <summary>The type of values of a .NET type; ML.NET's text is a ReadOnlyMemory of Char.</summary>
    /// <exception cref="NotSupportedException">ONNX has no such type.</exception>
    public static OnnxType Of(Type type) =>
        type == typeof(ReadOnlyMemory<char>) ? OnnxType.String
        : Enum.TryParse<OnnxType>(type.Name, out var known) ? known
        : throw new NotSupportedException($"{type} has no ONNX form.");

    /// <summary>Bytes of a whole number or truth value.</summary>
    public static int SizeOf(OnnxType type) => type switch
    {
        OnnxType.Boolean or OnnxType.SByte or OnnxType.Byte => 1,
        OnnxType.Int16 or OnnxType.UInt16 => 2,
        OnnxType.Int32 or OnnxType.UInt32 => 4,
        OnnxType.Int64 or OnnxType.UInt64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };
}
