using ScottPlot;

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
}
