using System.Globalization;

namespace Deq.MLNet.Samples;

/// <summary>The lines that every command ends with, for scripts to read.</summary>
internal static class Figures
{
    // Not through Spectre.Console, which wraps lines at the width of the terminal.
    public static void Print(string name, double value) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figure {name} {value:G6}"));
}
