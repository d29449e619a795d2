using System.Globalization;
using ScottPlot;

namespace Deq.MLNet.Samples.Commands;

/// <summary>Two pictures of a training and its result.</summary>
internal static class Pictures
{
    private const string FontName = "DejaVu Sans";

    // A machine without fonts, as containers are, would draw no text.
    static Pictures() => Fonts.AddFontFile(FontName, Path.Combine(AppContext.BaseDirectory, "fonts", "DejaVuSans.ttf"));

    /// <summary>Loss, iterations and residuals, epoch by epoch, one panel below the other.</summary>
    public static void Convergence(TrainingHistory history, string path)
    {
        var epochs = history.Epochs.Select(e => (double)e.Epoch).ToArray();
        double[] PerEpoch(Func<TrainingEpoch, double> value) => [.. history.Epochs.Select(value)];

        var panels = new Multiplot();
        panels.AddPlots(3);
        var (loss, iterations, residual) = (panels.GetPlot(0), panels.GetPlot(1), panels.GetPlot(2));

        Line(loss, epochs, PerEpoch(e => e.TrainingLoss), "training loss");
        loss.Title("A deep equilibrium network in training");
        loss.YLabel("squared error");

        Line(iterations, epochs, PerEpoch(e => e.MeanIterations), "mean of the batches");
        Line(iterations, epochs, PerEpoch(e => e.WorstIterations), "worst batch");
        iterations.YLabel("iterations");

        Line(residual, epochs, PerEpoch(e => Math.Log10(e.WorstResidual)), "equilibrium");
        Line(residual, epochs, PerEpoch(e => Math.Log10(e.WorstGradientResidual)), "gradient");
        var tolerance = new DeqRegressionTrainer.Options().Tolerance.Relative;
        residual.Add.HorizontalLine(Math.Log10(tolerance), 1, Colors.Gray, LinePattern.Dashed).LegendText = "tolerance";
        residual.YLabel("worst residual");
        residual.XLabel("epoch");
        LogarithmicY(residual);

        foreach (var panel in panels.GetPlots())
        {
            // The same room for labels in every panel, so that the epochs stand below one another.
            (panel.Axes.Left.MinimumSize, panel.Axes.Left.MaximumSize) = (80, 80);
            panel.Axes.SetLimitsX(0, epochs[^1]);
            panel.ShowLegend(panel == loss ? Alignment.UpperRight : Alignment.LowerRight);
            panel.Font.Set(FontName);
        }
        panels.SavePng(path, 900, 900);
    }

    /// <summary>Every test row as a point; a perfect model would put all of them on the line.</summary>
    public static void PredictedAgainstTrue(FittedModel fitted, string path)
    {
        var plot = new Plot();
        var mean = fitted.Labels.Average();
        var rSquared = 1 - fitted.Labels.Zip(fitted.Scores, (y, s) => Math.Pow(y - s, 2)).Sum() / fitted.Labels.Sum(y => Math.Pow(y - mean, 2));

        var (low, high) = (fitted.Labels.Concat(fitted.Scores).Min(), fitted.Labels.Concat(fitted.Scores).Max());
        var identity = plot.Add.Line(low, low, high, high);
        identity.LegendText = "predicted = true";
        identity.LineWidth = 2;
        var rows = plot.Add.ScatterPoints(fitted.Labels, fitted.Scores);
        rows.LegendText = "test rows";
        rows.MarkerSize = 7;

        plot.Title(string.Create(CultureInfo.InvariantCulture, $"Progression of diabetes, {fitted.Labels.Length} test rows, R² = {rSquared:F3}"));
        plot.XLabel("true progression");
        plot.YLabel("predicted progression");
        plot.Axes.Left.MinimumSize = 80;
        plot.Font.Set(FontName);
        plot.Axes.SquareUnits();
        plot.ShowLegend(Alignment.UpperLeft);
        plot.SavePng(path, 700, 700);
    }

    private static void Line(Plot plot, double[] x, double[] y, string legend)
    {
        var line = plot.Add.ScatterLine(x, y);
        line.LegendText = legend;
        line.LineWidth = 2;
    }

    /// <summary>ScottPlot draws logarithms on a linear axis; only the ticks know of them.</summary>
    private static void LogarithmicY(Plot plot)
    {
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic
        {
            MinorTickGenerator = new ScottPlot.TickGenerators.LogMinorTickGenerator(),
            IntegerTicksOnly = true,
            LabelFormatter = exponent => string.Create(CultureInfo.InvariantCulture, $"1E{exponent:F0}"),
        };
    }
}
