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
        var (written, weightsError) = settings.Float16Weights ? Rounded(network, rows, readouts) : (network, (double?)null);
        var plan = new NetworkPlan(written, null, 0);
        if (written is DeqNetwork deq)
        {
            var measurement = rows is null ? null : new CurveMeasurement(deq, rows, readouts, settings.Float16Weights);
            if (measurement is { Exact.AreKnown: false })
            {
                throw new OnnxExportException($"The equilibrium of a row of {nameof(OnnxExportOptions.CalibrationData)} was not found in float64, or its output leaves float32: no error can be measured. Give rows like those of the training, or train with a {nameof(WellPosedness)} that proves an equilibrium.");
            }
            plan = StepChoice.Choose(deq, settings, form => measurement is null ? deq.UnrollCurves.FirstOrDefault(curve => curve.Form == form) : measurement.Of(form, form == OnnxForm.Loop ? settings.Steps : null));
        }
        plan = plan with { Float16Weights = settings.Float16Weights, WeightsError = weightsError };
        CheckSize(LargestSize(plan), StoredWeights(plan));
        return plan;
    }

    /// <summary>The network of float16 weights, and how far its outputs are from those of the network itself, both exact, as a share of max |y|.</summary>
    private static (Network Network, double? Error) Rounded(Network network, IReadOnlyList<ReadOnlyMemory<float>>? rows, IReadOnlyList<Readout> readouts)
    {
        if (rows is null)
        {
            throw new OnnxExportException($"{nameof(OnnxExportOptions.Float16Weights)} changes the model, by how much is measured on rows: set {nameof(OnnxExportOptions)}.{nameof(OnnxExportOptions.CalibrationData)}.");
        }
        var rounded = HalfWeights.Of(network);
        return (rounded, new ExactOutputs(network, rows, readouts).Error(new ExactOutputs(rounded, rows, readouts)));
    }

    /// <summary>The file of a graph.</summary>
    /// <param name="builder">The graph, with its inputs and outputs.</param>
    /// <param name="plans">The networks in it, at least one. Each figure of the report is the largest among them (those of forms among the deep equilibrium networks), and null where one of them has none.</param>
    /// <param name="metadata">Goes into the file's metadata; keys that start with "deq." are the library's own, and its values win.</param>
    public static (byte[] Bytes, OnnxExportReport Report) Finish(OnnxModelBuilder builder, IReadOnlyList<NetworkPlan> plans, IReadOnlyDictionary<string, string> metadata)
    {
        // Each was let through by itself.
        CheckSize(plans.Sum(LargestSize), plans.Sum(StoredWeights));
        var most = plans.MaxBy(plan => plan.Steps)!;
        var report = new OnnxExportReport(most.Form, most.Steps, Largest(plan => plan.MaxError), Largest(plan => plan.MeanError), Largest(plan => plan.Bound), builder.Opset, builder.NodeCount, 0, builder.Inputs, builder.Outputs)
        {
            IsProved = plans.All(plan => plan.IsProved),
            BoundSteps = (int?)Largest(plan => plan.BoundSteps),
            WeightsError = Greatest(plans, plan => plan.WeightsError),
            Domains = builder.Domains,
        };
        var bytes = builder.Build(WithFigures(metadata, report));
        return (bytes, report with { Bytes = bytes.Length });

        double? Largest(Func<NetworkPlan, double?> figure) => Greatest(plans.Where(plan => plan.Form is not null), figure);
        static double? Greatest(IEnumerable<NetworkPlan> among, Func<NetworkPlan, double?> figure) => among.All(plan => figure(plan) is not null) ? among.Max(figure) : null;
    }

    /// <summary>The bytes of a file with this network alone, estimated from above.</summary>
    internal static long LargestSize(NetworkPlan plan)
    {
        const long bytesPerStep = 5_000, bytesBeside = 1 << 20;
        // The body of a loop is written once.
        var steps = plan.Form == OnnxForm.Loop ? 1 : plan.Steps;
        return StoredWeights(plan) * (plan.Float16Weights ? sizeof(float) / 2 : sizeof(float)) + bytesPerStep * steps + bytesBeside;
    }

    /// <summary>The inverse of the splitting has the size of W.</summary>
    private static long StoredWeights(NetworkPlan plan) =>
        plan is { Form: OnnxForm.PeacemanRachford, Network: DeqNetwork deq } ? deq.ParameterCount + (long)deq.W.Length : plan.Network.ParameterCount;

    /// <summary>Refuses a file that would pass 2 GiB, before anything is built.</summary>
    internal static void CheckSize(long bytes, long weights)
    {
        if (bytes > MostBytes)
        {
            throw new OnnxExportException($"The ONNX file would take about {bytes} bytes for {weights} weights; the format ends at {MostBytes}. Use a smaller state size or smaller layers, or {nameof(OnnxExportOptions.Float16Weights)}.");
        }
    }

    private static Dictionary<string, string> WithFigures(IReadOnlyDictionary<string, string> metadata, OnnxExportReport report)
    {
        var all = new Dictionary<string, string>(metadata)
        {
            ["deq.form"] = report.Form?.ToString() ?? "FeedForward",
            ["deq.steps"] = report.Steps.ToString(CultureInfo.InvariantCulture),
            ["deq.opset"] = report.Opset.ToString(CultureInfo.InvariantCulture),
            ["deq.proved"] = report.IsProved ? "true" : "false",
            ["deq.nodes"] = report.NodeCount.ToString(CultureInfo.InvariantCulture),
            ["deq.version"] = Library.Version,
        };
        AddFigure("deq.max_error", report.MaxError);
        AddFigure("deq.mean_error", report.MeanError);
        AddFigure("deq.bound", report.Bound);
        AddFigure("deq.bound_steps", report.BoundSteps);
        AddFigure("deq.weights_error", report.WeightsError);
        if (report.Domains.Count > 0)
        {
            all["deq.domains"] = string.Join(", ", report.Domains);
        }
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
