using System.Globalization;
using System.Text;

namespace Deq.MLNet.Samples.Lab;

/// <summary>
/// What an experiment tells: a markdown page, tables as CSV and pictures as PNG, all of the name <c>experiment-what</c> in one folder, and figures.
/// Verdicts and claims stand at the end of the page, and on the index page of all experiments.
/// </summary>
internal sealed class Report(IExperiment experiment, OutputFolder folder)
{
    private readonly StringBuilder _page = new();
    private readonly List<(string Name, double Value)> _figures = [];
    private readonly List<Verdict> _verdicts = [];
    private readonly List<Claim> _claims = [];
    private readonly List<Picture> _pictures = [];
    private readonly List<string> _failures = [];

    /// <summary>Adds a paragraph of markdown.</summary>
    public void Text(string paragraph) => _page.Append(paragraph).Append("\n\n");

    /// <summary>Adds a table: to the page with 4 digits, as CSV with all.</summary>
    public void Table(string name, string caption, IReadOnlyList<string> columns, IEnumerable<object?[]> rows)
    {
        var all = rows.ToList();
        Text($"**{caption}** ([CSV]({CsvFile(name, columns, all)}))");
        Text(Markdown.Table(columns, all.Select(row => row.Select(value => Written(value, "G4")))));
    }

    /// <summary>Adds what a table tells medians of: a CSV of the table's name and "-seeds", with a row for each seed.</summary>
    public void SeedBySeed(string table, IReadOnlyList<string> columns, IEnumerable<object?[]> rows) => Text($"The same seed by seed: [CSV]({CsvFile($"{table}-seeds", columns, rows)}).");

    private string CsvFile(string name, IReadOnlyList<string> columns, IEnumerable<object?[]> rows)
    {
        var file = $"{experiment.Name}-{name}.csv";
        File.WriteAllLines(folder[file], rows.Prepend([.. columns]).Select(row => string.Join(',', row.Select(value => Csv(Written(value, "R"))))));
        return file;
    }

    /// <summary>Adds a picture to the page.</summary>
    /// <returns>The path of the PNG that is to be drawn.</returns>
    public string PictureFile(string name, string caption)
    {
        var file = $"{experiment.Name}-{name}.png";
        caption = Labelled(caption.TrimEnd('.')) + ".";
        _pictures.Add(new Picture(file, caption));
        Text($"![{Markdown.Plain(caption)}]({file})\n\n{caption}");
        return folder[file];
    }

    /// <summary>Adds a number that is printed when all is done. What is not finite, such as a ratio to what nothing has learnt, stands in the summary and is not printed.</summary>
    public void Figure(string name, double value) => _figures.Add((name, value));

    /// <summary>Says who is ahead.</summary>
    /// <param name="figure">What is compared, such as the paper's figure that it stands for.</param>
    /// <param name="regime">How both were trained: "plain", "equal effort", "restricted".</param>
    /// <param name="verdict">"DEQ wins", "tie", "DEQ loses" or "neither learns it"; of a part that is not seen also "DEQ does not fit", "FNN does not fit" or "neither fits" the seen one.</param>
    /// <param name="because">The numbers.</param>
    /// <param name="isVariant">Whether it is another view of what a verdict before it is of. It is told and not counted.</param>
    public void Verdict(string figure, string regime, string verdict, string because, bool isVariant = false) => _verdicts.Add(new Verdict(Labelled(figure), regime, verdict, because, isVariant));

    /// <summary>Says what was found of a claim of the paper, or of a question of ours.</summary>
    /// <param name="claim">The claim, in our words, or the question.</param>
    /// <param name="finding">"agrees", "does not agree", "agrees in part" or "not tested"; "yes", "no" or "in part" to a question of ours.</param>
    /// <param name="because">The numbers.</param>
    public void Claim(string claim, string finding, string because) => _claims.Add(new Claim(Labelled(claim), finding, because));

    /// <summary>Notes a failure where something does not hold that must. The command tells of it and ends with exit code 1.</summary>
    /// <param name="holds">What must hold.</param>
    /// <param name="otherwise">What is the matter where it does not.</param>
    public void Require(bool holds, FormattableString otherwise)
    {
        if (!holds)
            _failures.Add(FormattableString.Invariant(otherwise));
    }

    /// <summary>What did not hold.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <summary>Writes the page, and what the index page takes from it.</summary>
    /// <param name="howItRan">Settings, machine and duration, in a sentence.</param>
    public void Save(string howItRan)
    {
        var page = new StringBuilder($"# {experiment.Title}\n\n{howItRan}\n\n").Append(_page);
        var summary = new Summary(experiment.Name, experiment.Title, howItRan, _verdicts, _claims, _pictures, _figures.ToDictionary(f => f.Name, f => f.Value));
        if (_verdicts.Count > 0)
            page.Append("## Who is ahead\n\n").Append(_verdicts.Any(verdict => verdict.IsVariant) ? "What is in italics is another view of a contest above it, and is not counted on the index page.\n\n" : "").Append(Markdown.Verdicts(_verdicts)).Append("\n\n");
        if (_claims.Count > 0)
            page.Append("## Claims of the paper, and questions of our own\n\n").Append(Markdown.Claims(_claims)).Append("\n\n");
        File.WriteAllText(folder[$"{experiment.Name}.md"], page.ToString().TrimEnd() + "\n");
        summary.Write(folder);
    }

    public void PrintFigures()
    {
        foreach (var (name, value) in _figures.Where(figure => double.IsFinite(figure.Value)))
            Figures.Print(name, value);
    }

    private string Labelled(string text) => experiment.Label is { } label ? $"({label}) {text}" : text;

    private static string Written(object? value, string format) => value switch
    {
        null => "",
        double number when number == Math.Round(number) && Math.Abs(number) < 1e6 => number.ToString("F0", CultureInfo.InvariantCulture),
        double number => number.ToString(format, CultureInfo.InvariantCulture),
        float number => number.ToString(format, CultureInfo.InvariantCulture),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    private static string Csv(string value) => value.AsSpan().IndexOfAny(',', '"', '\n') < 0 ? value : $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}

/// <summary>Who is ahead in what, and why we say so.</summary>
internal sealed record Verdict(string Figure, string Regime, string Result, string Because, bool IsVariant = false);

/// <summary>A PNG of an experiment, and what it shows.</summary>
internal sealed record Picture(string File, string Caption);

/// <summary>A claim of the paper and what was found of it.</summary>
internal sealed record Claim(string Statement, string Finding, string Because);
