using System.Globalization;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace Deq.MLNet.Samples;

/// <summary>How often rows of one class were predicted as another, with counts in the cells; the colour is the share of the true class.</summary>
internal static class ConfusionMatrix
{
    /// <param name="title">Above the picture.</param>
    /// <param name="classNames">The K classes.</param>
    /// <param name="rows">True and predicted class of every row, each in [0, K).</param>
    /// <param name="path">The PNG.</param>
    public static void Draw(string title, string[] classNames, IEnumerable<(int True, int Predicted)> rows, string path)
    {
        var k = classNames.Length;
        var counts = new int[k, k];
        foreach (var (actual, predicted) in rows)
            counts[actual, predicted]++;

        var plot = Canvas.NewPlot();
        var shares = new double[k, k];
        for (var actual = 0; actual < k; actual++)
        {
            var total = Math.Max(1, Enumerable.Range(0, k).Sum(predicted => counts[actual, predicted]));
            for (var predicted = 0; predicted < k; predicted++)
            {
                var share = shares[actual, predicted] = (double)counts[actual, predicted] / total;
                // The first class stands at the top, and the axis of y points upwards.
                var text = plot.Add.Text(counts[actual, predicted].ToString(CultureInfo.InvariantCulture), predicted, k - 1 - actual);
                text.LabelAlignment = Alignment.MiddleCenter;
                text.LabelFontSize = k > 5 ? 16 : 24;
                text.LabelFontColor = share > 0.5 ? Colors.White : counts[actual, predicted] == 0 ? Colors.LightGray : Colors.Black;
            }
        }
        var heatmap = plot.Add.Heatmap(shares);
        heatmap.Colormap = new ScottPlot.Colormaps.CustomInterpolated([Colors.White, Colors.Teal]);
        heatmap.ManualRange = new ScottPlot.Range(0, 1);
        plot.MoveToBack(heatmap);

        var positions = Enumerable.Range(0, k).Select(i => (double)i).ToArray();
        plot.Axes.Bottom.TickGenerator = new NumericManual(positions, classNames);
        plot.Axes.Left.TickGenerator = new NumericManual(positions, [.. classNames.Reverse()]);
        plot.Title(title);
        plot.XLabel("predicted");
        plot.YLabel("true");
        plot.HideGrid();
        plot.Axes.Left.MinimumSize = 80;
        plot.Axes.SetLimits(-0.5, k - 0.5, -0.5, k - 0.5);
        plot.SavePng(path, 700, 700);
    }
}
