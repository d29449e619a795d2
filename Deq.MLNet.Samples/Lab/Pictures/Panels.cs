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

    /// <summary>Colours by name, for all panels of a picture: cool ones for DEQs, warm ones for FNNs, in every picture the same for the first of each; greys for what they are compared with.</summary>
    public static Func<string, Color> ColorsOf(IEnumerable<string> names)
    {
        var palette = new ScottPlot.Palettes.Category10();
        var kinds = names.Distinct().ToLookup(name => name.Contains("FNN", StringComparison.Ordinal) ? Warm : name.Contains("DEQ", StringComparison.Ordinal) ? Cool : Grey);
        // Where there are neither, names have the colours that are easiest to tell apart.
        var colors = kinds.SelectMany(kind => kind.Select((name, i) => (name, color: kinds.Count == 1 && kind.Key == Grey ? i : kind.Key[i % kind.Key.Length]))).ToDictionary(pair => pair.name, pair => palette.GetColor(pair.color));
        return name => colors[name];
    }

    /// <summary>Places in the palette.</summary>
    private static readonly int[] Cool = [0, 2, 9, 4], Warm = [1, 3, 5, 6], Grey = [7, 8];

    /// <summary>The logarithm to base 10 where an axis is of logarithms; what has none, 0 or less, lies at 1e-300 and so below the picture, what is infinite above it.</summary>
    public static double[] Scaled(this IEnumerable<double> values, bool logarithmic) =>
        [.. values.Select(value => !logarithmic ? value : Math.Log10(Math.Clamp(value, 1e-300, 1e300)))];
}
