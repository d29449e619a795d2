using System.Globalization;

namespace Deq.MLNet.Samples.Lab;

/// <summary>What a figure was to come to before the experiments ran.</summary>
/// <param name="Figure">The figure's name.</param>
/// <param name="Text">The aim in words.</param>
/// <param name="IsMet">Whether a value meets it.</param>
internal sealed record Aim(string Figure, string Text, Func<double, bool> IsMet)
{
    private static readonly Aim[] All =
    [
        new("regions_m12", "4096", value => value == 4096),
        AtMost("construction_max_error", 1e-6, " of the largest |y|"),
        AtMost("construction_max_error_float64", 1e-9),
        AtMost("sawtooth5_deq_grown_mse", 1e-6),
        AtLeast("sawtooth10_bounded_depth_ratio", 100),
        AtLeast("capped_ramp_ratio", 10),
    ];

    /// <summary>Figures with their aims; a figure without one is told alone.</summary>
    public static string Table(IEnumerable<KeyValuePair<string, double>> figures) => Markdown.Table(["figure", "value", "aim", "met"], figures.Select(figure =>
    {
        var aim = All.FirstOrDefault(aim => aim.Figure == figure.Key);
        return new[] { $"`{figure.Key}`", double.IsNaN(figure.Value) ? "none" : figure.Value.ToString("G4", CultureInfo.InvariantCulture), aim?.Text ?? "", aim is null ? "" : aim.IsMet(figure.Value) ? "yes" : "**no**" };
    }));

    private static Aim AtMost(string figure, double most, string unit = "") => new(figure, string.Create(CultureInfo.InvariantCulture, $"at most {most}{unit}"), value => value <= most);

    private static Aim AtLeast(string figure, double least) => new(figure, string.Create(CultureInfo.InvariantCulture, $"at least {least}"), value => value >= least);
}
