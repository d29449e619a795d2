namespace Deq.MLNet.Storage;

/// <summary>Writes a file whole or not at all: beside it, to the disk, then renamed over it. A reader sees the old file or the new one.</summary>
internal static class AtomicFile
{
    /// <summary>Writes a file; where that fails, a file that was there stays as it was.</summary>
    /// <param name="path">The file; its folder must exist. A symbolic link is followed.</param>
    /// <param name="write">Writes the content. What it throws comes out of this method.</param>
    /// <exception cref="IOException">The file cannot be written; the message names the path. The same holds of <see cref="DirectoryNotFoundException"/> and <see cref="UnauthorizedAccessException"/>.</exception>
    public static void Write(string path, Action<Stream> write) => Reach(path, file => WriteBeside(file, write));

    /// <summary>Tries what <see cref="Write"/> needs: makes a file beside, and deletes it. What is at the path stays.</summary>
    /// <param name="path">The file that shall be written later.</param>
    /// <exception cref="IOException">As <see cref="Write"/>, and where the path is a folder.</exception>
    public static void CheckWritable(string path) => Reach(path, file =>
    {
        if (Directory.Exists(file))
        {
            throw new IOException("it is a folder.");
        }
        new FileStream(Beside(file), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose();
    });

    /// <summary>Does something to a file, links followed; what fails in it names the path.</summary>
    private static void Reach(string path, Action<string> act)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            var linked = File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true) : null;
            act(linked?.FullName ?? Path.GetFullPath(path));
        }
        catch (DirectoryNotFoundException e)
        {
            throw new DirectoryNotFoundException($"{path} cannot be written, its folder does not exist: {e.Message}", e);
        }
        catch (IOException e)
        {
            throw new IOException($"{path} cannot be written: {e.Message}", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UnauthorizedAccessException($"{path} cannot be written: {e.Message}", e);
        }
    }

    /// <summary>A new name in the same folder: only a rename within one is sure to stay on one disk, and so to be atomic.</summary>
    private static string Beside(string path) => $"{path}.{Guid.NewGuid():N}.tmp";

    private static void WriteBeside(string path, Action<Stream> write)
    {
        var temporary = Beside(path);
        var made = false;
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                made = true;
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch when (made)
        {
            Discard(temporary);
            throw;
        }
    }

    /// <summary>Deletes as far as possible: the failure that led here is the one to report.</summary>
    private static void Discard(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
