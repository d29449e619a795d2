using System.Globalization;
using ScottPlot;

namespace Deq.MLNet.Samples;

/// <summary>Every row as a point; a perfect model would put all of them on the line.</summary>
internal static class PredictedAgainstTrue
{
    /// <param name="labels">What is true.</param>
    /// <param name="scores">What is predicted.</param>
    /// <param name="rowsAre">What rows these are, such as "test rows".</param>
    /// <param name="path">The PNG.</param>
    public static void Draw(IReadOnlyList<float> labels, IReadOnlyList<float> scores, string rowsAre, string path)
    {
        var plot = Canvas.NewPlot();
        var mean = labels.Average();
        var rSquared = 1 - labels.Zip(scores, (y, s) => Math.Pow(y - s, 2)).Sum() / labels.Sum(y => Math.Pow(y - mean, 2));

        var (low, high) = (labels.Concat(scores).Min(), labels.Concat(scores).Max());
        var identity = plot.Add.Line(low, low, high, high);
        identity.LegendText = "predicted = true";
        identity.LineWidth = 2;
        var rows = plot.Add.ScatterPoints(labels.ToArray(), scores.ToArray());
        rows.LegendText = rowsAre;
        rows.MarkerSize = 7;

        plot.Title(string.Create(CultureInfo.InvariantCulture, $"Progression of diabetes, {labels.Count} {rowsAre}, R² = {rSquared:F3}"));
        plot.XLabel("true progression");
        plot.YLabel("predicted progression");
        plot.Axes.Left.MinimumSize = 80;
        plot.Axes.SquareUnits();
        plot.ShowLegend(Alignment.UpperLeft);
        plot.SavePng(path, 700, 700);
    }
}
