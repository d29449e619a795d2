using System.IO.Compression;
using System.Text;
using Microsoft.ML;

namespace Deq.MLNet.Tests.Trainers;

/// <summary>Models as the bytes of ML.NET's files.</summary>
internal static class ModelZip
{
    public static byte[] Saved(this ITransformer model, DataViewSchema? schema)
    {
        using var stream = new MemoryStream();
        new MLContext(1).Model.Save(model, schema, stream);
        return stream.ToArray();
    }

    public static ITransformer Load(byte[] zip, out DataViewSchema schema)
    {
        using var stream = new MemoryStream(zip);
        return new MLContext(1).Model.Load(stream, out schema);
    }

    public static ITransformer Load(byte[] zip) => Load(zip, out _);

    public static ITransformer SavedAndLoaded(this ITransformer model, DataViewSchema schema) => Load(model.Saved(schema));

    /// <summary>Where in the bytes of a zip the entries stand whose name holds a part, headers included (APPNOTE 4.3.7).</summary>
    public static IEnumerable<Range> EntriesNamed(byte[] zip, string part)
    {
        var headers = new List<int>();
        for (var at = 0; at + 4 <= zip.Length; at++)
        {
            if (zip.AsSpan(at, 4) is [(byte)'P', (byte)'K', 3, 4] or [(byte)'P', (byte)'K', 1, 2])
            {
                headers.Add(at);
            }
        }
        return headers.Zip(headers.Skip(1), (start, end) => start..end).Where(entry => zip[entry.Start.Value + 2] == 3
            && Encoding.UTF8.GetString(zip, entry.Start.Value + 30, BitConverter.ToUInt16(zip, entry.Start.Value + 26)).Contains(part, StringComparison.Ordinal));
    }

    /// <summary>The zip with the stream changed, or taken out for null, whose path has this end, and the size it had.</summary>
    public static (byte[] Zip, int Size) Change(byte[] zip, string stream, Func<byte[], byte[]?> change)
    {
        using var file = new MemoryStream();
        file.Write(zip);
        var size = 0;
        using (var archive = new ZipArchive(file, ZipArchiveMode.Update, leaveOpen: true))
        {
            var entry = archive.Entries.Single(e => e.FullName.Replace('\\', '/').EndsWith(stream, StringComparison.Ordinal));
            using var content = new MemoryStream();
            using (var read = entry.Open())
            {
                read.CopyTo(content);
            }
            size = (int)content.Length;
            var name = entry.FullName;
            entry.Delete();
            if (change(content.ToArray()) is { } changed)
            {
                using var write = archive.CreateEntry(name).Open();
                write.Write(changed);
            }
        }
        return (file.ToArray(), size);
    }
}
