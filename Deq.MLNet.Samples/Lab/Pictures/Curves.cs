using ScottPlot;

namespace Deq.MLNet.Samples.Lab;

/// <summary>A line with a band of spread.</summary>
/// <param name="Name">In the legend; a name has the same colour in every panel. Empty for a further stretch of a line that is broken.</param>
/// <param name="X">At least one.</param>
/// <param name="Y">One value for each x.</param>
/// <param name="Low">The band's lower end, or null without a band.</param>
/// <param name="High">The band's upper end.</param>
/// <param name="Dashed">A line that was not measured: a bound, a constant.</param>
/// <param name="ColorOf">The curve whose colour it has; null for one of its own.</param>
internal sealed record Curve(string Name, double[] X, double[] Y, double[]? Low = null, double[]? High = null, bool Dashed = false, string? ColorOf = null)
{
    /// <summary>The median over seeds within its quartiles.</summary>
    /// <param name="name">In the legend.</param>
    /// <param name="x">The positions.</param>
    /// <param name="seeds">For each seed a value for each x; what is missing, of a training that diverged, counts as the worst.</param>
    public static Curve OverSeeds(string name, double[] x, IReadOnlyList<double[]> seeds)
    {
        double[] At(double share) => [.. x.Select((_, i) => Statistics.Quantile(seeds.Select(seed => i < seed.Length ? seed[i] : double.NaN), share))];
        return new Curve(name, x, At(0.5), At(0.25), At(0.75));
    }

    /// <summary>Whether it is a level line between two ends, where nothing was measured.</summary>
    public bool IsLevel => Y.Length == 2 && Y[0] == Y[1];

    /// <summary>A dashed level line.</summary>
    public static Curve Level(string name, double[] x, double y) => new(name, [x.Min(), x.Max()], [y, y], Dashed: true);
}

/// <summary>One of several plots side by side.</summary>
internal sealed record CurvePanel(string Title, string XLabel, string YLabel, IReadOnlyList<Curve> Curves);

/// <summary>Curves with bands, in panels side by side, each on the scale of its own curves: errors of one regime may be ten decades below another's.</summary>
internal static class CurvePicture
{
    /// <param name="panels">From left to right.</param>
    /// <param name="path">The PNG.</param>
    /// <param name="logX">Whether the horizontal axes are of logarithms.</param>
    /// <param name="logY">Whether the vertical axes are of logarithms.</param>
    /// <param name="columns">How many panels stand in a row; 0: all.</param>
    /// <param name="legend">Where panels have their legend.</param>
    /// <param name="width">Of a panel, in pixels.</param>
    public static void Draw(IReadOnlyList<CurvePanel> panels, string path, bool logX = false, bool logY = true, int columns = 0, Alignment legend = Alignment.UpperRight, int width = 480)
    {
        columns = columns > 0 ? columns : panels.Count;
        var picture = Panels.New(panels.Count, columns);
        var colors = Panels.ColorsOf(panels.SelectMany(panel => panel.Curves.Select(ColorName)));
        for (var i = 0; i < panels.Count; i++)
        {
            var (panel, plot) = (panels[i], picture.GetPlot(i));
            var (bottom, top) = Range(panel.Curves.SelectMany(curve => curve.Y.Concat(curve.Low ?? []).Concat(curve.High ?? [])).Scaled(logY));
            // At least two powers of ten are in sight, as others have no label, and values that are alike look alike.
            if (logY && Math.Floor(top) - Math.Ceiling(bottom) < 1)
                (bottom, top) = (Math.Floor(bottom), Math.Ceiling(top));
            foreach (var curve in panel.Curves)
                Add(plot, curve, colors(ColorName(curve)), logX, logY);
            plot.Title(panel.Title);
            plot.XLabel(panel.XLabel);
            plot.YLabel(panel.YLabel);
            if (logX)
                plot.Axes.Bottom.LogarithmicTicks();
            if (logY)
                plot.Axes.Left.LogarithmicTicks();
            plot.Axes.AutoScale();
            // A long number at the end of the axis has room to the right.
            plot.Axes.Right.MinimumSize = 30;
            // The legend has room of its own, so that it hides no line.
            var room = 0.1 * panel.Curves.Count(curve => curve.Name.Length > 0) * (top - bottom);
            plot.Axes.SetLimitsY(legend is Alignment.LowerLeft or Alignment.LowerRight ? bottom - room : bottom, legend is Alignment.UpperLeft or Alignment.UpperRight ? top + room : top);
            plot.ShowLegend(legend);
        }
        picture.SavePng(path, width * columns, 420 * ((panels.Count + columns - 1) / columns) + 20);
    }

    private static string ColorName(Curve curve) => curve.ColorOf ?? curve.Name;

    private static void Add(Plot plot, Curve curve, Color color, bool logX, bool logY)
    {
        var x = curve.X.Scaled(logX);
        if (curve.Low is { } low && curve.High is { } high)
        {
            var (from, to) = (low.Scaled(logY), high.Scaled(logY));
            var band = plot.Add.FillY(x, from, to);
            (band.FillColor, band.LineWidth) = (color.WithAlpha(0.2), 0);
            // The band of a single point has no width.
            if (x.Length == 1)
                plot.Add.Line(x[0], from[0], x[0], to[0]).Color = color;
        }
        var line = plot.AddLine(x, curve.Y.Scaled(logY), curve.Name);
        line.Color = color;
        if (curve.Dashed)
            line.LinePattern = LinePattern.Dashed;
        else if (x.Length <= 30 && !curve.IsLevel)
            line.MarkerSize = 6;
    }

    /// <summary>What is shown of the vertical axis: all that is finite, and a little more.</summary>
    private static (double Bottom, double Top) Range(IEnumerable<double> values)
    {
        var shown = values.Where(value => double.IsFinite(value) && Math.Abs(value) < 290).DefaultIfEmpty(0).ToList();
        var room = Math.Max(0.05 * (shown.Max() - shown.Min()), 1e-3);
        return (shown.Min() - room, shown.Max() + room);
    }
}
