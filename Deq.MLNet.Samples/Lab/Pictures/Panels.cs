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

    /// <summary>The colour of the i-th of what is compared: the same in all panels.</summary>
    public static Color ColorOf(int i) => new ScottPlot.Palettes.Category10().GetColor(i);

    /// <summary>The logarithm to base 10 where an axis is of logarithms; what has none, 0 or less, lies at 1e-300 and so below the picture, what is infinite above it.</summary>
    public static double[] Scaled(this IEnumerable<double> values, bool logarithmic) =>
        [.. values.Select(value => !logarithmic ? value : Math.Log10(Math.Clamp(value, 1e-300, 1e300)))];
}
