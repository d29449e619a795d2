using System.Globalization;
using Deq.MLNet.Networks;

namespace Deq.MLNet.Onnx;

/// <summary>Chooses the steps of an unrolled network, and finishes the file with what is known of its error.</summary>
internal static class OnnxExporter
{
    /// <summary>Rows not seen may be further off than the training rows that the curve was measured on: they are left three quarters of the error.</summary>
    private const double UnseenRowsShare = 0.25;

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
        var plan = new NetworkPlan(network, null, 0);
        if (network is DeqNetwork deq)
        {
            CheckUnrolling(deq.Unroll, deq.Certificate, settings.MaxError);
            var steps = settings.Steps ?? ChooseSteps(deq.Unroll, deq.Certificate, settings.MaxError);
            plan = new NetworkPlan(network, OnnxForm.Unrolled, steps)
            {
                MaxError = ErrorAfter(steps, deq.Unroll?.MaxErrors),
                MeanError = ErrorAfter(steps, deq.Unroll?.MeanErrors),
                Bound = deq.Certificate.PlainIterationError(steps),
            };
        }
        CheckSize(network.ParameterCount, plan.Steps);
        return plan;
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

    /// <summary>A rule that proves an equilibrium, but nothing of plain iteration, is left to what was measured.</summary>
    private static void CheckUnrolling(UnrollCurve? curve, Certificate certificate, double maxError)
    {
        if (certificate.Rule is MonotoneRule && certificate.PlainIterationError(UnrollCurve.MaxSteps) is null && curve?.StepsFor(maxError) is null)
        {
            throw new OnnxExportException($"The export unrolls plain iteration, which need not converge for a W under {certificate.Rule}, and on the training rows did not come within {nameof(OnnxExportOptions.MaxError)} {maxError.ToString("G3", CultureInfo.InvariantCulture)}. "
                + "Train with WellPosedness Spectral, InfinityNorm, Perron or StrictlyTriangular, whose plain iteration does.");
        }
    }

    private static int ChooseSteps(UnrollCurve? curve, Certificate certificate, double maxError)
    {
        // max |y| is known from training rows only: without them no proof about the state says how large a share of it an error is.
        if (curve is null || curve.MaxErrors.Count == 0)
        {
            throw new OnnxExportException($"The error of the unrolled equilibrium was not measured for this network. Set {nameof(OnnxExportOptions)}.{nameof(OnnxExportOptions.Steps)}, or export a network that a trainer made.");
        }
        return curve.StepsFor(UnseenRowsShare * maxError) ?? curve.StepsFor(maxError) ?? throw NotReached(curve, certificate, maxError);
    }

    private static OnnxExportException NotReached(UnrollCurve curve, Certificate certificate, double maxError)
    {
        // Rounding is the cause where exact arithmetic would have arrived: every row came to rest, or what is proved of the iteration has long passed the error.
        var atRest = curve.MaxErrors.Count < UnrollCurve.MaxSteps
            || certificate.PlainIterationError(curve.MaxErrors.Count / 2) < maxError;
        var remedy = atRest && float.IsFinite(curve.MaxErrors[^1])
            ? "What is left is the rounding of float32, as features far from zero bring it (a mean of many standard deviations), and logits in the hundreds. Bring features to mean 0 before the trainer, stop a classifier earlier or give it WeightDecay"
            : certificate.IsProved
                ? "Its contraction is too slow for so many steps. Train with a lower bound on W"
                : "No contraction is proved for this cell, and iteration does not settle. Train with WellPosedness.Spectral and without layer normalisation";
        return new OnnxExportException(string.Create(CultureInfo.InvariantCulture,
            $"Unrolled plain iteration is off by {curve.MaxErrors[^1]:G3} of max |y| after {curve.MaxErrors.Count} steps; {nameof(OnnxExportOptions)}.{nameof(OnnxExportOptions.MaxError)} is {maxError:G3}. ")
            + $"{remedy}, allow a larger MaxError, or set {nameof(OnnxExportOptions.Steps)} to accept the error.");
    }

    /// <summary>A curve that ends before its last possible step has come to rest there.</summary>
    private static double? ErrorAfter(int steps, IReadOnlyList<float>? errors) => errors switch
    {
        null => null,
        _ when steps <= errors.Count => errors[steps - 1],
        { Count: > 0 and < UnrollCurve.MaxSteps } => errors[^1],
        _ => null,
    };

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
