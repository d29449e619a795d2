using ScottPlot;

namespace Deq.MLNet.Samples.Lab;

/// <summary>Values of a table as colours.</summary>
/// <param name="Title">What is shown.</param>
/// <param name="XLabel">What the columns are.</param>
/// <param name="YLabel">What the rows are; the first is at the top.</param>
/// <param name="Values">Rows by columns.</param>
internal sealed record HeatPanel(string Title, string XLabel, string YLabel, double[,] Values);

/// <summary>Heat maps in rows, with one scale of colours from 0 up.</summary>
internal static class HeatMap
{
    /// <param name="panels">From left to right and from top to bottom.</param>
    /// <param name="columns">How many stand in a row.</param>
    /// <param name="scale">What the colours stand for.</param>
    /// <param name="path">The PNG.</param>
    public static void Draw(IReadOnlyList<HeatPanel> panels, int columns, string scale, string path)
    {
        var picture = Panels.New(panels.Count, columns);
        var greatest = panels.Max(panel => panel.Values.Cast<double>().Max());
        for (var i = 0; i < panels.Count; i++)
        {
            var (panel, plot) = (panels[i], picture.GetPlot(i));
            var (height, width) = (panel.Values.GetLength(0), panel.Values.GetLength(1));
            var map = plot.Add.Heatmap(panel.Values);
            map.Colormap = new ScottPlot.Colormaps.Viridis();
            map.ManualRange = new ScottPlot.Range(0, greatest);
            // Cells from 0.5 to n + 0.5, so that the n-th stands at n.
            map.CellAlignment = Alignment.LowerLeft;
            map.FlipVertically = true;
            map.Position = new CoordinateRect(0.5, width + 0.5, 0.5, height + 0.5);
            var colors = plot.Add.ColorBar(map);
            // To the right of the last of a row alone: the others' would lie upon the next panel.
            if ((i + 1) % columns == 0)
                colors.Label = scale;
            plot.Title(panel.Title);
            plot.XLabel(panel.XLabel);
            plot.YLabel(panel.YLabel);
            plot.HideGrid();
            plot.Axes.SetLimits(0.5, width + 0.5, height + 0.5, 0.5);
        }
        picture.SavePng(path, 520 * columns, 440 * ((panels.Count + columns - 1) / columns));
    }
}
