using System.Text;

namespace Deq.MLNet.Benchmarks;

/// <summary>While it lives, what goes to the console goes to a file too, at once: a run that is killed leaves what it printed.</summary>
internal sealed class Tee : TextWriter
{
    private readonly TextWriter _console = Console.Out;
    private readonly StreamWriter _file;

    private Tee(string path) => _file = new StreamWriter(path) { AutoFlush = true };

    public static Tee To(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var tee = new Tee(path);
        Console.SetOut(tee);
        return tee;
    }

    public override Encoding Encoding => _console.Encoding;

    public override void Write(char value)
    {
        _console.Write(value);
        _file.Write(value);
    }

    public override void Write(string? value)
    {
        _console.Write(value);
        _file.Write(value);
    }

    public override void WriteLine(string? value) => Write(value + Environment.NewLine);

    protected override void Dispose(bool disposing)
    {
        Console.SetOut(_console);
        _file.Dispose();
        base.Dispose(disposing);
    }
}
