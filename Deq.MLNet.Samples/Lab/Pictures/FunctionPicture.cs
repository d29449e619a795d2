using ScottPlot;

namespace Deq.MLNet.Samples.Lab;

/// <summary>Learnt functions of one variable over their target.</summary>
/// <param name="Title">What learnt it.</param>
/// <param name="X">Ascending.</param>
/// <param name="Target">The target at each x.</param>
/// <param name="Learnt">For each learnt function its name and its values.</param>
/// <param name="XLabel">What x is.</param>
internal sealed record FunctionPanel(string Title, double[] X, double[] Target, IReadOnlyList<(string Name, double[] Y)> Learnt, string XLabel = "x");

/// <summary>Small multiples of learnt functions, each on the scale of its target.</summary>
internal static class FunctionPicture
{
    /// <param name="panels">From left to right and from top to bottom.</param>
    /// <param name="columns">How many stand in a row.</param>
    /// <param name="path">The PNG.</param>
    public static void Draw(IReadOnlyList<FunctionPanel> panels, int columns, string path)
    {
        var picture = Panels.New(panels.Count, columns);
        var colors = Panels.ColorsOf(panels.SelectMany(panel => panel.Learnt.Select(learnt => learnt.Name)));
        for (var i = 0; i < panels.Count; i++)
        {
            var (panel, plot) = (panels[i], picture.GetPlot(i));
            var target = plot.AddLine(panel.X, panel.Target, "target");
            (target.Color, target.LineWidth) = (Colors.LightGray, 5);
            foreach (var ((name, y), order) in panel.Learnt.Select((learnt, order) => (learnt, order)))
            {
                var line = plot.AddLine(panel.X, y, name);
                // Where one lies on another, both are seen.
                (line.Color, line.LinePattern) = (colors(name), order == 0 ? LinePattern.Solid : LinePattern.Dashed);
            }
            plot.Title(panel.Title);
            plot.XLabel(panel.XLabel);
            plot.YLabel("y");
            plot.Axes.SetLimitsX(panel.X[0], panel.X[^1]);
            var (least, greatest) = (panel.Target.Min(), panel.Target.Max());
            // What runs away is cut off, so that the target stays in sight; the room above is the legend's.
            plot.Axes.SetLimitsY(least - 0.25 * (greatest - least), greatest + 0.75 * (greatest - least));
            plot.ShowLegend(Alignment.UpperRight);
        }
        picture.SavePng(path, 420 * columns, 320 * ((panels.Count + columns - 1) / columns));
    }
}
