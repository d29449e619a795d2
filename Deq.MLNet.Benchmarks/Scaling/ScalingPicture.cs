using System.Globalization;
using Deq.MLNet.Samples;
using ScottPlot;

namespace Deq.MLNet.Benchmarks;

/// <summary>Times of some ways over one quantity.</summary>
/// <param name="Title">What is done.</param>
/// <param name="Axis">The quantity.</param>
/// <param name="Unit">Of the times.</param>
/// <param name="Places">Its values.</param>
/// <param name="Times">By way, at every value.</param>
internal sealed record Curves(string Title, string Axis, string Unit, double[] Places, IReadOnlyDictionary<string, double[]> Times);

/// <summary>Curves on logarithmic axes, two panels beside one another.</summary>
internal static class ScalingPicture
{
    private const int Columns = 2, PanelWidth = 640, PanelHeight = 420;

    public static void Draw(IReadOnlyList<Curves> panels, string path)
    {
        var rows = (panels.Count + Columns - 1) / Columns;
        var picture = Canvas.NewPanels(panels.Count);
        picture.Layout = new ScottPlot.MultiplotLayouts.Grid(rows, Columns);
        for (var i = 0; i < panels.Count; i++)
        {
            Fill(picture.GetPlot(i), panels[i]);
        }
        picture.SavePng(path, Columns * PanelWidth, rows * PanelHeight);
    }

    private static void Fill(Plot plot, Curves curves)
    {
        var places = Logarithms(curves.Places);
        foreach (var (name, times) in curves.Times)
        {
            var line = plot.AddLine(places, Logarithms(times), name);
            line.MarkerSize = 6;
        }
        plot.Title(curves.Title);
        plot.XLabel(curves.Axis);
        plot.YLabel(curves.Unit);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(places, [.. curves.Places.Select(Text)]);
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic
        {
            MinorTickGenerator = new ScottPlot.TickGenerators.LogMinorTickGenerator(),
            IntegerTicksOnly = true,
            LabelFormatter = exponent => Text(Math.Pow(10, exponent)),
        };
        // Whole powers of ten, and one above for the legend.
        var all = curves.Times.Values.SelectMany(Logarithms).ToList();
        plot.Axes.SetLimitsY(Math.Floor(all.Min()), Math.Ceiling(all.Max()) + 1);
        plot.ShowLegend(Alignment.UpperLeft);
    }

    private static double[] Logarithms(IEnumerable<double> values) => [.. values.Select(Math.Log10)];

    private static string Text(double value) => value.ToString("#,0.####", CultureInfo.InvariantCulture);
}
