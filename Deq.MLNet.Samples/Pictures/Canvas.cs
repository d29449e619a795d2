using ScottPlot;

namespace Deq.MLNet.Samples;

/// <summary>What all pictures share.</summary>
internal static class Canvas
{
    private const string FontName = "DejaVu Sans";

    // A machine without fonts, as containers are, would draw no text.
    static Canvas() => Fonts.AddFontFile(FontName, Path.Combine(AppContext.BaseDirectory, "fonts", "DejaVuSans.ttf"));

    /// <summary>Gives every text of a plot the font that the samples ship.</summary>
    public static void UseShippedFont(this Plot plot) => plot.Font.Set(FontName);

    public static ScottPlot.Plottables.Scatter AddLine(this Plot plot, double[] x, double[] y, string legend)
    {
        var line = plot.Add.ScatterLine(x, y);
        line.LegendText = legend;
        line.LineWidth = 2;
        return line;
    }
}
