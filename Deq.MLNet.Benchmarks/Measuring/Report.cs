using System.Globalization;

namespace Deq.MLNet.Benchmarks;

/// <summary>What a command found: tables as it goes, and in the end the figures beside their targets. Numbers that should agree and do not make it fail.</summary>
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
    private static readonly Dictionary<string, double> AtMost = new() { ["engine_overhead_us"] = 2, ["bytes_per_row"] = 0, ["gpu_gradient_error"] = 1e-4 };

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

    /// <summary>Keeps a figure for the end.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">The median over rounds, with the least and the most.</param>
    /// <param name="note">Of what it is, where that is not plain from the name.</param>
    public void Figure(string name, Spread value, string note = "") => _figures.Add((name, value, note));

    /// <summary>A figure that is no median.</summary>
    public void Figure(string name, double value, string note = "") => Figure(name, new Spread(value, value, value), note);

    /// <summary>Numbers that must agree for the times to mean anything.</summary>
    public void Check(bool agrees, FormattableString what)
    {
        if (!agrees)
        {
            _failures.Add(Text(what));
            Console.Error.WriteLine($"do not agree: {Text(what)}");
        }
    }

    /// <summary>Prints the figures as a table beside their targets, and as lines for scripts.</summary>
    /// <returns>The exit code: 1 where a check failed. A figure that misses its target is no failure: another machine is another machine.</returns>
    public int Finish()
    {
        if (_figures.Count > 0)
        {
            Table("Figures", ["figure", "target", "measured (least to most)", ""],
                _figures.Select(f => new[] { $"`{f.Name}`", Target(f.Name), f.Value.Least == f.Value.Most ? Text($"{f.Value.Median:G3}") : $"{f.Value}", f.Note }));
            Console.WriteLine();
        }
        foreach (var (name, value, _) in _figures)
        {
            Console.WriteLine(Text($"figure {name} {value.Median:G4}"));
        }
        if (_failures.Count > 0)
        {
            Console.WriteLine($"\nDo not agree:\n- {string.Join("\n- ", _failures)}");
        }
        return _failures.Count == 0 ? 0 : 1;
    }

    private static string Target(string figure) =>
        AtLeast.TryGetValue(figure, out var least) ? Text($"at least {least}") : AtMost.TryGetValue(figure, out var most) ? Text($"at most {most}") : "none";
}
