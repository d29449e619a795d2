// WeakVersionNeed [--always] <version> <system library> <file>...
// Flags the need of <version> as weak in each file that exists, where this machine's <system library> does not define it
// (--always: whatever this machine has, for files that will run on an older one). Exit code 0, or 1 with an error MSBuild can read.
using Deq.MLNet.Eng;

var always = args is ["--always", ..];
if (always)
    args = args[1..];
if (args.Length < 3)
{
    Console.Error.WriteLine("WeakVersionNeed : error DEQ0011: usage: WeakVersionNeed [--always] <version> <system library> <file>...");
    return 1;
}
var (version, library) = (args[0], args[1]);

var files = args[2..].Where(File.Exists).ToList();
if (files.Count == 0 || (!always && !SystemLacksVersion()))
    return 0;
foreach (var file in files)
{
    try
    {
        var image = File.ReadAllBytes(file);
        if (!SymbolVersions.MakeWeak(image, version))
            continue;
        Replace(file, image);
        Console.WriteLine($"{file}: the need of {version} is now weak; {(always ? "asked for" : $"this machine's {library} does not define it")}.");
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException)
    {
        Console.Error.WriteLine($"WeakVersionNeed : error DEQ0012: {file}: {e.Message}");
        return 1;
    }
}
return 0;

// A machine whose library is not found, or is of another architecture, tells nothing: leave the files as they are.
bool SystemLacksVersion()
{
    foreach (var path in SystemLibrary.Candidates(library))
    {
        try
        {
            return !SymbolVersions.Defines(File.ReadAllBytes(path), version);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            continue;
        }
    }
    return false;
}

// A new file under the old name: were the old one a link into a package cache, or mapped by a running process, it stays as it was.
// The old time makes the build's next copy see an unchanged file.
static void Replace(string file, byte[] image)
{
    var temporary = $"{file}.{Environment.ProcessId}.tmp";
    try
    {
        File.WriteAllBytes(temporary, image);
        File.SetLastWriteTimeUtc(temporary, File.GetLastWriteTimeUtc(file));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(temporary, File.GetUnixFileMode(file));
        File.Move(temporary, file, overwrite: true);
    }
    finally
    {
        File.Delete(temporary);
    }
}
