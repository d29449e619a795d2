using ScottPlot;
using ScottPlot.TickGenerators;

namespace Deq.MLNet.Samples.Lab;

/// <summary>A bar with its spread over seeds.</summary>
/// <param name="Name">Below the bar; a name has the same colour in every panel.</param>
/// <param name="Height">Its height.</param>
/// <param name="Low">The lower end of the spread.</param>
/// <param name="High">The upper end.</param>
internal sealed record Bar(string Name, double Height, double Low, double High)
{
    /// <summary>The median over seeds with its quartiles, by which verdicts go.</summary>
    public static Bar OverSeeds(string name, IReadOnlyCollection<double> seeds) => new(name, Statistics.Median(seeds), Statistics.Quantile(seeds, 0.25), Statistics.Quantile(seeds, 0.75));
}

/// <summary>One of several plots side by side.</summary>
/// <param name="Title">Above it.</param>
/// <param name="YLabel">What the height is.</param>
/// <param name="Bars">From left to right.</param>
/// <param name="Line">A level that the bars are compared with, and its name.</param>
internal sealed record BarPanel(string Title, string YLabel, IReadOnlyList<Bar> Bars, (string Name, double Value)? Line = null);

/// <summary>Bars with spreads, in panels; those side by side have the same scale.</summary>
internal static class BarPicture
{
    /// <param name="panels">From left to right.</param>
    /// <param name="path">The PNG.</param>
    /// <param name="columns">How many panels stand in a row; 0: all.</param>
    public static void Draw(IReadOnlyList<BarPanel> panels, string path, int columns = 0)
    {
        columns = columns > 0 ? columns : panels.Count;
        var picture = Panels.New(panels.Count, columns);
        var colors = Panels.ColorsOf(panels.SelectMany(panel => panel.Bars.Select(bar => bar.Name)));
        var tops = panels.Chunk(columns).Select(row => 1.25 * row.Max(panel => panel.Bars.Select(bar => Math.Max(bar.Height, bar.High)).Where(double.IsFinite).Append(panel.Line?.Value ?? 0).Max())).ToList();
        for (var i = 0; i < panels.Count; i++)
        {
            var (panel, plot) = (panels[i], picture.GetPlot(i));
            var bars = plot.Add.Bars(panel.Bars.Select((bar, at) => new ScottPlot.Bar
            {
                Position = at,
                Value = bar.Height,
                FillColor = colors(bar.Name),
                LineWidth = 0,
            }).ToArray());
            bars.LegendText = "";
            for (var at = 0; at < panel.Bars.Count; at++)
            {
                plot.Add.Line(at, panel.Bars[at].Low, at, panel.Bars[at].High).Color = Colors.Black;
            }
            if (panel.Line is { } level)
            {
                plot.Add.HorizontalLine(level.Value, 2, Colors.Gray, LinePattern.Dashed).LegendText = level.Name;
                plot.ShowLegend(Alignment.UpperRight);
            }
            plot.Axes.Bottom.TickGenerator = new NumericManual([.. panel.Bars.Select((_, at) => (double)at)], [.. panel.Bars.Select(bar => bar.Name)]);
            plot.Axes.Bottom.MajorTickStyle.Color = Colors.Transparent;
            plot.Title(panel.Title);
            plot.YLabel(panel.YLabel);
            plot.Axes.SetLimits(-0.6, panel.Bars.Count - 0.4, 0, tops[i / columns]);
        }
        picture.SavePng(path, 420 * columns, 380 * ((panels.Count + columns - 1) / columns));
    }
}
