using ScottPlot;

namespace Deq.MLNet.Samples.Lab;

/// <summary>Several plots in one picture.</summary>
internal static class Panels
{
    /// <summary>Empty plots in rows of so many, from left to right.</summary>
    public static Multiplot New(int count, int columns)
    {
        var panels = Canvas.NewPanels(count);
        panels.Layout = new ScottPlot.MultiplotLayouts.Grid((count + columns - 1) / columns, columns);
        return panels;
    }

    private static readonly Color[] Cool = [.. ((string[])["#1f77b4", "#2ca02c", "#9467bd", "#17becf", "#0b3d91", "#7a9a01", "#00695c", "#5e35b1"]).Select(Color.FromHex)];

    private static readonly Color[] Warm = [.. ((string[])["#ff7f0e", "#d62728", "#8c564b", "#e377c2", "#bf8f00", "#880e4f"]).Select(Color.FromHex)];

    private static readonly Color[] Grey = [.. ((string[])["#7f7f7f", "#bcbd22", "#404040", "#b0b0b0"]).Select(Color.FromHex)];

    /// <summary>Colours by name, for all panels of a picture: cool ones for DEQs, warm ones for FNNs, in every picture the same for the first of each; others for what they are compared with.</summary>
    /// <exception cref="InvalidOperationException">There are more names of a kind than colours.</exception>
    public static Func<string, Color> ColorsOf(IEnumerable<string> names)
    {
        var kinds = names.Distinct().ToLookup(name => name.Contains("FNN", StringComparison.Ordinal) ? Warm : name.Contains("DEQ", StringComparison.Ordinal) ? Cool : Grey);
        // Where there are neither, names have the colours that are easiest to tell apart.
        var colors = kinds.SelectMany(kind => kind.Zip(kinds.Count == 1 && kind.Key == Grey ? Cool : kind.Key)).ToDictionary(pair => pair.First, pair => pair.Second);
        return name => colors.TryGetValue(name, out var color) ? color : throw new InvalidOperationException($"No colour is left for '{name}'.");
    }

    /// <summary>The logarithm to base 10 where an axis is of logarithms; what has none, 0 or less, lies at 1e-300 and so below the picture, what is infinite above it.</summary>
    public static double[] Scaled(this IEnumerable<double> values, bool logarithmic) =>
        [.. values.Select(value => !logarithmic ? value : Math.Log10(Math.Clamp(value, 1e-300, 1e300)))];
}
