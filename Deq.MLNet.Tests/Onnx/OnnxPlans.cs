using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;

namespace Deq.MLNet.Tests.Onnx;

/// <summary>Small networks, curves as if they had been measured, and the plans of an export.</summary>
internal static class OnnxPlans
{
    /// <summary>y = z1 = z2, z = phi(w z + x) in each of two states, which see one another: no triangular W.</summary>
    public static DeqNetwork Pair(float w, Activation activation = Activation.ReLU, WellPosedness? rule = null) =>
        new(new DeqWeights([0, w, w, 0], [1, 1], [0, 0], [0.5f, 0.5f], [0]), activation, Link.Identity, new EquilibriumSettings(), rule ?? WellPosedness.None);

    /// <summary>The same, with each state's own share besides.</summary>
    public static DeqNetwork Monotone(float own, float other) =>
        new(new DeqWeights([own, other, other, own], [1, 1], [0, 0], [0.5f, 0.5f], [0]), Activation.ReLU, Link.Identity, new EquilibriumSettings(), WellPosedness.Monotone());

    public static readonly DeqNetwork Unmeasured = Pair(0.5f);

    public static readonly DeqNetwork Triangular = new([0, 0, 0, 5, 0, 0, 5, 5, 0], [1, 1, 1], [0, 0, 0], [1, 1, 1], [0], Activation.ReLU, rule: WellPosedness.StrictlyTriangular);

    public static readonly ReadOnlyMemory<float>[] Rows = [new float[] { 1 }, new float[] { 2 }, new float[] { -1 }];

    /// <summary>Calibration rows are the adapter's business: here they are given as it gives them.</summary>
    public static NetworkPlan Plan(Network network, OnnxExportOptions options, IReadOnlyList<ReadOnlyMemory<float>>? rows = null) =>
        OnnxExporter.Plan(network, options.Settings, rows, [new Readout(network.Link)]);

    public static UnrollCurve Curve(OnnxForm form, params float[] errors) => new(form, 2_000, 2, errors, [.. errors.Select(e => e / 2)]) { StateGain = float.PositiveInfinity };

    public static DeqNetwork WithErrors(params float[] errors) => Unmeasured.WithCurves(Curve(OnnxForm.Unrolled, errors));

    /// <summary>An error that falls to a share each step.</summary>
    public static float[] Falling(double share, int steps) => [.. Enumerable.Range(1, steps).Select(k => (float)Math.Pow(share, k))];
}
