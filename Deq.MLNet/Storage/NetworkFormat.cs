using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Deq.MLNet.Storage;

/// <summary>
/// A network as bytes, little-endian: magic (8), format version (int32), length of the payload (int64), payload, SHA-256 of all before it (32).
/// The payload is that of <see cref="NetworkPayload"/>. Reading allocates no more than the bytes present account for.
/// </summary>
internal static class NetworkFormat
{
    /// <summary>1: the first. 2: unroll curves of several forms in place of one.</summary>
    public const int Version = 2;

    private const int HeaderSize = 8 + sizeof(int) + sizeof(long);
    private const int ReadAtOnce = 1 << 16;

    private static ReadOnlySpan<byte> Magic => "DEQMLNET"u8;

    /// <summary>Writes a network.</summary>
    /// <exception cref="DeqException">The network takes more than an array can hold.</exception>
    public static void Write(Network network, Stream stream)
    {
        // Beside the weights there are layer sizes, settings and curves of a few hundred values.
        var estimate = sizeof(float) * (long)network.ParameterCount + ReadAtOnce;
        if (estimate > Array.MaxLength)
        {
            throw new DeqException($"The network has {network.ParameterCount} weights; a model file holds {(Array.MaxLength - ReadAtOnce) / sizeof(float)} at most. Use a smaller state size or smaller layers.");
        }
        using var buffer = new MemoryStream((int)estimate);
        using (var writer = new BinaryWriter(buffer))
        {
            writer.Write(Magic);
            writer.Write(Version);
            writer.Write(0L);
            NetworkPayload.Write(network, writer);
            writer.Flush();
            var bytes = buffer.GetBuffer().AsSpan(0, (int)buffer.Length);
            BinaryPrimitives.WriteInt64LittleEndian(bytes[(HeaderSize - sizeof(long))..], bytes.Length - HeaderSize);
            stream.Write(bytes);
            stream.Write(SHA256.HashData(bytes));
        }
    }

    /// <summary>Reads a network that takes all the rest of a stream.</summary>
    /// <exception cref="ModelFormatException">The bytes are not one whole network of a known format.</exception>
    public static Network Read(Stream stream)
    {
        // The header is judged before anything behind it is read: a large foreign file costs nothing.
        var buffer = new byte[HeaderSize];
        var filled = stream.ReadAtLeast(buffer, HeaderSize, throwOnEndOfStream: false);
        var whole = CheckHeader(buffer.AsSpan(0, filled));
        while (filled <= whole)
        {
            // One byte more than the network takes is asked for, and the buffer grows with what arrives.
            if (filled == buffer.Length)
            {
                Array.Resize(ref buffer, (int)Math.Min(whole + 1, Math.Max(ReadAtOnce, 2L * filled)));
            }
            var read = stream.Read(buffer.AsSpan(filled));
            if (read == 0)
            {
                break;
            }
            filled += read;
        }
        return Read(buffer.AsSpan(0, filled));
    }

    /// <summary>Reads a network that takes all the bytes.</summary>
    /// <exception cref="ModelFormatException">The bytes are not one whole network of a known format.</exception>
    public static Network Read(ReadOnlySpan<byte> bytes)
    {
        var whole = CheckHeader(bytes);
        if (bytes.Length != whole)
        {
            throw new ModelFormatException(bytes.Length < whole
                ? $"The network is truncated: {bytes.Length} of {whole} bytes are there. Save or copy the model again."
                : $"Bytes follow the network, which ends at byte {whole}. Save or copy the model again.");
        }
        var content = bytes[..^SHA256.HashSizeInBytes];
        if (!SHA256.HashData(content).AsSpan().SequenceEqual(bytes[content.Length..]))
        {
            throw new ModelFormatException("The network's checksum does not fit: the bytes were changed after saving. Save or copy the model again.");
        }
        return NetworkPayload.Read(new PayloadReader(content[HeaderSize..]), VersionOf(bytes));
    }

    private static int VersionOf(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt32LittleEndian(bytes[Magic.Length..]);

    /// <summary>The number of bytes that a network with this header takes.</summary>
    private static long CheckHeader(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderSize)
        {
            throw new ModelFormatException($"The network is truncated: {bytes.Length} bytes are there, and its header alone takes {HeaderSize}. Save or copy the model again.");
        }
        if (!bytes.StartsWith(Magic))
        {
            throw new ModelFormatException("These bytes are no network of Deq.MLNet: they do not start with its mark.");
        }
        var version = VersionOf(bytes);
        if (version is < 1 or > Version)
        {
            throw new ModelFormatException(version > Version
                ? $"The network is of the newer format {version}; this version of Deq.MLNet reads formats up to {Version}. Update Deq.MLNet."
                : $"The network claims the format {version}, which does not exist. Save or copy the model again.");
        }
        var payload = BinaryPrimitives.ReadInt64LittleEndian(bytes[(Magic.Length + sizeof(int))..]);
        if (payload < 0 || payload >= Array.MaxLength - HeaderSize - SHA256.HashSizeInBytes)
        {
            throw new ModelFormatException($"The network claims a length of {payload} bytes, which is impossible. Save or copy the model again.");
        }
        return HeaderSize + payload + SHA256.HashSizeInBytes;
    }
}
