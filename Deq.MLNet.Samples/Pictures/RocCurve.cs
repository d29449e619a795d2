using ScottPlot;

namespace Deq.MLNet.Samples;

/// <summary>Receiver operating characteristics: which share of the positive rows is found at the price of which share of the negative ones.</summary>
internal static class RocCurve
{
    // Good classifiers differ in the corner alone.
    private const double Corner = 0.25;

    /// <param name="title">Above the picture.</param>
    /// <param name="curves">For each curve its name, and label and score of every row.</param>
    /// <param name="path">The PNG.</param>
    public static void Draw(string title, IEnumerable<(string Name, List<(bool Label, float Score)> Rows)> curves, string path)
    {
        var plot = Canvas.NewPlot();
        foreach (var (name, rows) in curves)
        {
            var (falsePositives, truePositives) = Points(rows);
            plot.AddLine(falsePositives, truePositives, name);
        }
        plot.Title(title);
        plot.XLabel("false positive rate");
        plot.YLabel("true positive rate");
        plot.Axes.SetLimits(0, Corner, 1 - Corner, 1.005);
        plot.Axes.Left.MinimumSize = 80;
        plot.ShowLegend(Alignment.LowerRight);
        plot.SavePng(path, 700, 700);
    }

    /// <summary>One point for each different score, from no row called positive to all rows.</summary>
    private static (double[] FalsePositives, double[] TruePositives) Points(List<(bool Label, float Score)> rows)
    {
        double positives = rows.Count(row => row.Label), negatives = rows.Count - positives;
        var (x, y) = (new List<double> { 0 }, new List<double> { 0 });
        double found = 0, wrong = 0;
        foreach (var ties in rows.GroupBy(row => row.Score).OrderByDescending(group => group.Key))
        {
            found += ties.Count(row => row.Label);
            wrong += ties.Count(row => !row.Label);
            x.Add(wrong / negatives);
            y.Add(found / positives);
        }
        return ([.. x], [.. y]);
    }
}
