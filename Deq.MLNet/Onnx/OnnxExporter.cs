using System.Globalization;
using Deq.MLNet.Networks;

namespace Deq.MLNet.Onnx;

/// <summary>Plans how networks are written, and finishes the file with what is known of its error.</summary>
internal static class OnnxExporter
{
    /// <summary>A protobuf message ends at 2 GiB.</summary>
    private const long MostBytes = int.MaxValue;

    /// <summary>What a graph with this network is called.</summary>
    public static string GraphName(Network network) => network is DeqNetwork ? "deep equilibrium network" : "feed-forward network";

    /// <summary>How a network is written.</summary>
    /// <param name="network">The network.</param>
    /// <param name="settings">What is asked for.</param>
    /// <param name="rows">Rows of n features to measure the error on; null for what was measured in training.</param>
    /// <param name="readouts">What the model gives of the network's outputs.</param>
    /// <exception cref="OnnxExportException">The error asked for is not reached or cannot be known, or the file would pass 2 GiB.</exception>
    public static NetworkPlan Plan(Network network, ExportSettings settings, IReadOnlyList<ReadOnlyMemory<float>>? rows, IReadOnlyList<Readout> readouts)
    {
        CurveMeasurement? measurement = null;
        var plan = network is DeqNetwork deq ? StepChoice.Choose(deq, settings, form => Curve(deq, form)) : new NetworkPlan(network, null, 0);
        CheckSize(network.ParameterCount, plan.Steps);
        return plan;

        UnrollCurve? Curve(DeqNetwork deq, OnnxForm form) =>
            rows is null ? deq.UnrollCurves.FirstOrDefault(curve => curve.Form == form) : (measurement ??= new CurveMeasurement(deq, rows, readouts)).Of(form);
    }

    /// <summary>The file of a graph.</summary>
    /// <param name="builder">The graph, with its inputs and outputs.</param>
    /// <param name="plans">The networks in it, at least one.</param>
    /// <param name="metadata">Goes into the file's metadata; keys that start with "deq." are the library's own, and its values win.</param>
    public static (byte[] Bytes, OnnxExportReport Report) Finish(OnnxModelBuilder builder, IReadOnlyList<NetworkPlan> plans, IReadOnlyDictionary<string, string> metadata)
    {
        var plan = plans[0];
        var report = new OnnxExportReport(plan.Form, plan.Steps, plan.MaxError, plan.MeanError, plan.Bound, builder.Opset, builder.NodeCount, 0, builder.Inputs, builder.Outputs);
        var bytes = builder.Build(WithFigures(metadata, report));
        return (bytes, report with { Bytes = bytes.Length });
    }

    /// <summary>Refuses a file that would pass 2 GiB, before anything is built. The estimate is from above.</summary>
    internal static void CheckSize(long weights, int steps)
    {
        const int bytesPerStep = 2_000, bytesBeside = 1 << 20;
        var bytes = sizeof(float) * weights + (long)bytesPerStep * steps + bytesBeside;
        if (bytes > MostBytes)
        {
            throw new OnnxExportException($"The ONNX file would take about {bytes} bytes for {weights} weights; the format ends at {MostBytes}. Use a smaller state size or smaller layers.");
        }
    }

    private static Dictionary<string, string> WithFigures(IReadOnlyDictionary<string, string> metadata, OnnxExportReport report)
    {
        var all = new Dictionary<string, string>(metadata)
        {
            ["deq.form"] = report.Form?.ToString() ?? "FeedForward",
            ["deq.steps"] = report.Steps.ToString(CultureInfo.InvariantCulture),
            ["deq.opset"] = report.Opset.ToString(CultureInfo.InvariantCulture),
            ["deq.version"] = Library.Version,
        };
        AddFigure("deq.max_error", report.MaxError);
        AddFigure("deq.mean_error", report.MeanError);
        AddFigure("deq.bound", report.Bound);
        return all;

        void AddFigure(string key, double? figure)
        {
            if (figure is { } value)
            {
                all[key] = value.ToString("R", CultureInfo.InvariantCulture);
            }
        }
    }
}
