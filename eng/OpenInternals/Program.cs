// OpenInternals <output folder> <assembly>...
// Writes a copy of each assembly, its internals opened, to the output folder. Exit code 0, or 1 with an error MSBuild can read.
using Deq.MLNet.Eng;

if (args.Length < 2)
{
    Console.Error.WriteLine("OpenInternals : error DEQ0001: usage: OpenInternals <output folder> <assembly>...");
    return 1;
}

Directory.CreateDirectory(args[0]);
foreach (var path in args[1..])
{
    try
    {
        var target = Path.Combine(args[0], Path.GetFileName(path));
        // A compiler that is reading the old copy keeps it; none sees half a file.
        var temporary = $"{target}.{Environment.ProcessId}.tmp";
        File.WriteAllBytes(temporary, AccessBits.Open(File.ReadAllBytes(path)));
        File.Move(temporary, target, overwrite: true);
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException)
    {
        Console.Error.WriteLine($"OpenInternals : error DEQ0002: {path}: {e.Message}");
        return 1;
    }
}
return 0;
