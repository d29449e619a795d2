using System.Globalization;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace Deq.MLNet.Samples;

/// <summary>What all pictures share.</summary>
internal static class Canvas
{
    private const string FontName = "DejaVu Sans";

    // A machine without fonts, as containers are, would draw no text.
    static Canvas()
    {
        Fonts.AddFontFile(FontName, Path.Combine(AppContext.BaseDirectory, "fonts", "DejaVuSans.ttf"));
        Fonts.Default = FontName;
    }

    /// <summary>An empty plot.</summary>
    public static Plot NewPlot() => Prepared(new Plot());

    /// <summary>Empty plots, one below the other.</summary>
    public static Multiplot NewPanels(int count)
    {
        var panels = new Multiplot();
        panels.AddPlots(count);
        foreach (var panel in panels.GetPlots())
            Prepared(panel);
        return panels;
    }

    /// <summary>Titles would be bold, which the samples ship no font for.</summary>
    private static Plot Prepared(Plot plot)
    {
        plot.Font.Set(FontName);
        return plot;
    }

    public static ScottPlot.Plottables.Scatter AddLine(this Plot plot, double[] x, double[] y, string legend)
    {
        var line = plot.Add.ScatterLine(x, y);
        line.LegendText = legend;
        line.LineWidth = 2;
        return line;
    }

    /// <summary>Labels an axis of logarithms by powers of ten: ScottPlot's axes are linear, and only the ticks know of logarithms.</summary>
    public static void LogarithmicTicks(this IYAxis axis) => axis.TickGenerator = PowersOfTen();

    /// <summary>The same for the horizontal axis.</summary>
    public static void LogarithmicTicks(this IXAxis axis) => axis.TickGenerator = PowersOfTen();

    private static NumericAutomatic PowersOfTen() => new()
    {
        MinorTickGenerator = new LogMinorTickGenerator(),
        IntegerTicksOnly = true,
        LabelFormatter = exponent => string.Create(CultureInfo.InvariantCulture, $"1E{exponent:F0}"),
    };
}
