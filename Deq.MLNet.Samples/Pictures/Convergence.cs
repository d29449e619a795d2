using ScottPlot;

namespace Deq.MLNet.Samples;

/// <summary>A training: loss, iterations and residuals, epoch by epoch, one panel below the other.</summary>
internal static class Convergence
{
    public static void Draw(TrainingHistory history, string path)
    {
        var epochs = history.Epochs.Select(e => (double)e.Epoch).ToArray();
        double[] PerEpoch(Func<TrainingEpoch, double> value) => [.. history.Epochs.Select(value)];

        var panels = Canvas.NewPanels(3);
        var (loss, iterations, residual) = (panels.GetPlot(0), panels.GetPlot(1), panels.GetPlot(2));

        loss.AddLine(epochs, PerEpoch(e => e.TrainingLoss), "training loss");
        loss.Title("A deep equilibrium network in training");
        loss.YLabel("squared error");

        iterations.AddLine(epochs, PerEpoch(e => e.MeanIterations), "mean of the batches");
        iterations.AddLine(epochs, PerEpoch(e => e.WorstIterations), "worst batch");
        iterations.YLabel("iterations");

        residual.AddLine(epochs, PerEpoch(e => Math.Log10(e.WorstResidual)), "equilibrium");
        residual.AddLine(epochs, PerEpoch(e => Math.Log10(e.WorstGradientResidual)), "gradient");
        var tolerance = new DeqRegressionTrainer.Options().Tolerance.Relative;
        residual.Add.HorizontalLine(Math.Log10(tolerance), 1, Colors.Gray, LinePattern.Dashed).LegendText = "tolerance";
        residual.YLabel("worst residual");
        residual.XLabel("epoch");
        residual.Axes.Left.LogarithmicTicks();
        // Down to below a power of ten: one label alone tells no scale.
        residual.Axes.AutoScale();
        var shown = residual.Axes.GetLimits();
        residual.Axes.SetLimitsY(Math.Floor(shown.Bottom) - 0.1, shown.Top);

        foreach (var panel in panels.GetPlots())
        {
            // The same room for labels in every panel, so that the epochs stand below one another.
            (panel.Axes.Left.MinimumSize, panel.Axes.Left.MaximumSize) = (80, 80);
            panel.Axes.SetLimitsX(0, epochs[^1]);
            panel.ShowLegend(panel == loss ? Alignment.UpperRight : Alignment.LowerRight);
        }
        panels.SavePng(path, 900, 900);
    }
}
