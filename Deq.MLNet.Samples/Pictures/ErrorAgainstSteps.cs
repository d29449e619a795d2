using ScottPlot;

namespace Deq.MLNet.Samples;

/// <summary>Errors of exported networks against their steps: lines as training measured them, points as a runtime has them.</summary>
internal static class ErrorAgainstSteps
{
    /// <summary>Where float32 ends; an error of 0 has no logarithm.</summary>
    private const double Least = 1e-8;

    /// <param name="title">Above the picture.</param>
    /// <param name="curves">For each form its name, the error after 1, 2, ... steps, and points of steps and error.</param>
    /// <param name="allowed">The error that an export may have.</param>
    /// <param name="path">The PNG.</param>
    public static void Draw(string title, IEnumerable<(string Name, double[] Errors, IEnumerable<(int Steps, double Error)> Points)> curves, double allowed, string path)
    {
        var plot = Canvas.NewPlot();
        var steps = 1;
        foreach (var (name, errors, points) in curves)
        {
            var line = plot.AddLine([.. errors.Select((_, i) => i + 1.0)], [.. errors.Select(Logarithm)], name);
            var measured = plot.Add.ScatterPoints(points.Select(p => (double)p.Steps).ToArray(), points.Select(p => Logarithm(p.Error)).ToArray());
            (measured.Color, measured.MarkerSize) = (line.Color, 8);
            steps = Math.Max(steps, errors.Length);
        }
        var point = plot.Add.ScatterPoints(Array.Empty<double>(), Array.Empty<double>());
        (point.LegendText, point.Color, point.MarkerSize) = ("in ONNX Runtime", Colors.Gray, 8);
        plot.Add.HorizontalLine(Math.Log10(allowed), 1, Colors.Gray, LinePattern.Dashed).LegendText = "MaxError";
        plot.Title(title);
        plot.XLabel("steps");
        plot.YLabel("error, as a share of the largest output");
        plot.Axes.Left.LogarithmicTicks();
        plot.Axes.Left.MinimumSize = 80;
        plot.Axes.SetLimits(0, steps + 1, Math.Log10(Least), 0.5);
        plot.ShowLegend(Alignment.UpperRight);
        plot.SavePng(path, 900, 600);
    }

    private static double Logarithm(double error) => Math.Log10(Math.Max(error, Least));
}
