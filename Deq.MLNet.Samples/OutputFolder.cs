namespace Deq.MLNet.Samples;

/// <summary>Where a command writes its files. A folder that cannot be written to is found out here rather than after the training.</summary>
internal sealed class OutputFolder
{
    private readonly string _path;

    /// <exception cref="IOException">The folder cannot be made or written to; the message names it.</exception>
    public OutputFolder(string path)
    {
        try
        {
            _path = Directory.CreateDirectory(path).FullName;
            File.Create(this[Path.GetRandomFileName()], bufferSize: 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new IOException($"the folder '{path}' cannot be written to: {e.Message}", e);
        }
    }

    /// <summary>The path of a file in it.</summary>
    public string this[string file] => Path.Combine(_path, file);

    public override string ToString() => _path;
}
