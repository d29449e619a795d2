using System.Globalization;

namespace Deq.MLNet.Benchmarks;

/// <summary>What a command found: tables and figures as it goes, and in the end all figures beside their targets. Numbers that should agree and do not, and parts that break off, make it fail.</summary>
internal sealed class Report
{
    /// <summary>What figures should be at least, on 2 cores with vectors of 512 bits; those of gpu on a CUDA device.</summary>
    private static readonly Dictionary<string, double> AtLeast = new()
    {
        ["train_vs_unrolled_32_random"] = 6,
        ["train_vs_unrolled_128_random"] = 2.7,
        ["train_vs_unrolled_512_random"] = 1.5,
        ["train_vs_unrolled_32_hard"] = 14,
        ["train_vs_unrolled_128_hard"] = 9,
        ["train_vs_pytorch_32"] = 20,
        ["train_vs_pytorch_128"] = 6,
        ["train_vs_pytorch_512"] = 2,
        ["train_floor_32"] = 0.75,
        ["train_floor_128"] = 0.95,
        ["train_floor_512"] = 0.95,
        ["score1_vs_ort_32"] = 20,
        ["score1_vs_ort_128"] = 7,
        ["score1_vs_ort_512"] = 5,
        ["score16k_vs_ort_32"] = 2.5,
        ["score16k_vs_ort_128"] = 3,
        ["threads_train_128"] = 1.7,
        ["threads_score_32"] = 1.7,
        ["gpu_vs_pytorch_512_4096"] = 1.5,
        ["gpu_ceiling_share_2048_65536"] = 0.5,
        ["gpu_ceiling_share_2048_65536_tf32"] = 0.5,
    };

    /// <summary>What figures should be at most.</summary>
    private static readonly Dictionary<string, double> AtMost = new() { ["engine_overhead_us"] = 2, ["bytes_per_row"] = 0, ["gpu_gradient_error"] = 1e-4, ["gpu_gradient_error_reference"] = 1e-6 };

    private readonly List<(string Name, Spread Value, string Note)> _figures = [];
    private readonly List<string> _failures = [];

    public static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Prints a table.</summary>
    public static void Table(string title, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        Console.WriteLine($"\n{title}\n");
        Console.WriteLine($"| {string.Join(" | ", columns)} |");
        Console.WriteLine($"|{string.Concat(columns.Select(_ => "---|"))}");
        foreach (var row in rows)
        {
            Console.WriteLine($"| {string.Join(" | ", row)} |");
        }
    }

    /// <summary>Prints a figure as a line for scripts, at once, so that a run that is killed leaves it, and keeps it for the end.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">The median over rounds, with the least and the most.</param>
    /// <param name="note">Of what it is, where that is not plain from the name.</param>
    public void Figure(string name, Spread value, string note = "")
    {
        _figures.Add((name, value, note));
        Console.WriteLine(Text($"\nfigure {name} {value.Median:G4}"));
    }

    /// <summary>A figure that is no median.</summary>
    public void Figure(string name, double value, string note = "") => Figure(name, new Spread(value, value, value), note);

    /// <summary>Numbers that must agree for the times to mean anything.</summary>
    public void Check(bool agrees, FormattableString what)
    {
        if (!agrees)
        {
            Fail($"do not agree: {Text(what)}");
        }
    }

    /// <summary>Does a part of the command. What it throws is a failure of the command, which goes on with the other parts.</summary>
    /// <returns>The message of what it threw; null where it came to its end.</returns>
    public string? Try(string what, Action part)
    {
        try
        {
            part();
            return null;
        }
        // Whatever else one part broke off by, the figures of the others are wanted.
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            var message = e.Message.ReplaceLineEndings(" ").Trim();
            Fail($"{what}: {message}");
            return message;
        }
    }

    /// <summary>Prints the figures as a table beside their targets.</summary>
    /// <param name="expected">How the names begin of targets that are listed as not measured where there is no such figure; null for none.</param>
    /// <returns>The exit code: 1 where a check or a part failed. A figure that misses its target is no failure: another machine is another machine.</returns>
    public int Finish(string? expected = null)
    {
        var missing = AtLeast.Keys.Concat(AtMost.Keys).Where(name => expected is not null && name.StartsWith(expected, StringComparison.Ordinal)).Except(_figures.Select(f => f.Name));
        List<string[]> rows =
        [
            .. _figures.Select(f => new[] { $"`{f.Name}`", Target(f.Name), f.Value.Least == f.Value.Most ? Text($"{f.Value.Median:G3}") : $"{f.Value}", f.Note }),
            .. missing.Select(name => new[] { $"`{name}`", Target(name), "not measured", "" }),
        ];
        if (rows.Count > 0)
        {
            Table("Figures", ["figure", "target", "measured (least to most)", ""], rows);
        }
        if (_failures.Count > 0)
        {
            Console.WriteLine($"\nFailed:\n- {string.Join("\n- ", _failures)}");
        }
        return _failures.Count == 0 ? 0 : 1;
    }

    private void Fail(string what)
    {
        _failures.Add(what);
        Console.Error.WriteLine($"failed: {what}");
    }

    private static string Target(string figure) =>
        AtLeast.TryGetValue(figure, out var least) ? Text($"at least {least}") : AtMost.TryGetValue(figure, out var most) ? Text($"at most {most}") : "none";
}
