namespace Deq.MLNet.Samples.Lab;

/// <summary>Tables in markdown.</summary>
internal static class Markdown
{
    public static string Table(IReadOnlyList<string> columns, IEnumerable<IEnumerable<string>> rows) =>
        string.Join('\n', rows.Prepend(columns.Select(_ => "---")).Prepend(columns).Select(row => $"| {string.Join(" | ", row.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal)))} |"));

    /// <summary>A text for where markup has no place.</summary>
    public static string Plain(string text) => text.Replace("[", "(", StringComparison.Ordinal).Replace("]", ")", StringComparison.Ordinal).Replace("*", "", StringComparison.Ordinal);

    public static string Verdicts(IEnumerable<Verdict> verdicts) =>
        Table(["figure", "regime", "verdict", "because"], verdicts.Select(v => new[] { v.IsVariant ? $"*{v.Figure}*" : v.Figure, v.Regime, $"**{v.Result}**", v.Because }));

    public static string Claims(IEnumerable<Claim> claims) =>
        Table(["claim", "finding", "because"], claims.Select(c => new[] { c.Statement, $"**{c.Finding}**", c.Because }));
}
