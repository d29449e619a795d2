using System.IO.Compression;
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
