using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;
using Microsoft.ML.OnnxRuntime;
using static Deq.MLNet.Tests.Onnx.OnnxCases;

namespace Deq.MLNet.Tests.Onnx;

/// <summary>A form of the equilibrium with a network that it is for.</summary>
internal sealed record FormCase(OnnxForm Form, Activation Activation, bool Parts = false, bool Normalized = false, int Size = 7, int Seed = 1)
{
    public const int Inputs = 3, Outputs = 3;

    public static IReadOnlyList<OnnxForm> Forms { get; } = [.. Enum.GetValues<OnnxForm>().Where(form => form != OnnxForm.Auto)];

    public static IEnumerable<FormCase> All =>
        from form in Forms
        from activation in Enum.GetValues<Activation>()
        where form != OnnxForm.PeacemanRachford || IsOfStraightLines(activation)
        select new FormCase(form, activation);

    /// <summary>The case itself, with skip connection and encoder, and with a layer-normalised cell where the form takes one.</summary>
    public IEnumerable<FormCase> Variants =>
        Form is OnnxForm.PeacemanRachford or OnnxForm.ForwardSubstitution ? [this, this with { Parts = true }] : [this, this with { Parts = true }, this with { Normalized = true }];

    public DeqNetwork Network
    {
        get
        {
            var network = new RandomNetwork(Size, Inputs, Outputs, (Normalized ? 0.2 : 0.5) / Phi.Lipschitz(Activation), Activation, Parts ? [5] : [], Parts, Normalized, Seed).Network();
            return Form switch
            {
                OnnxForm.PeacemanRachford => With(network, Monotone(network.W.ToArray(), Size), WellPosedness.Monotone(0.5f)),
                OnnxForm.ForwardSubstitution => With(network, Triangular(network.W.ToArray(), Size, diagonal: IsOfStraightLines(Activation)), WellPosedness.None),
                _ => network,
            };
        }
    }

    /// <summary>Steps after which the form is at the equilibrium of these networks to float32.</summary>
    public int Steps => Form switch
    {
        OnnxForm.UnrolledAnderson => 25,
        OnnxForm.PeacemanRachford => 50,
        OnnxForm.ForwardSubstitution => Size,
        OnnxForm.Loop => 200,
        _ => 40,
    };

    public float[] Rows(int count) => Gaussian(new Random(Seed + 17), count * Inputs);

    /// <summary>The same network in another form, from Features to Score, the affine outputs.</summary>
    public static byte[] Export(DeqNetwork network, OnnxForm form, int steps, int opset = 13, bool half = false) =>
        Export(network, form, steps, opset, half, [(new Readout(network.Link), "Score")]);

    /// <summary>The same with any outputs, and the key of the class under the name Label where there is a Softmax.</summary>
    public static byte[] Export(DeqNetwork network, OnnxForm form, int steps, int opset, bool half, IReadOnlyList<(Readout Readout, string Name)> outputs)
    {
        var builder = new OnnxModelBuilder("graph", opset);
        builder.AddInput("Features", network.InputSize);
        NetworkGraph.Add(builder, "Features", new NetworkPlan(network, form, steps) { Float16Weights = half }, outputs);
        foreach (var (readout, name) in outputs)
        {
            builder.AddOutput(name, network.OutputSize);
            if (readout.Link == Link.Softmax)
            {
                NetworkGraph.AddKey(builder, name, network.OutputSize, "Label");
                builder.AddOutput("Label", 1, OnnxType.UInt32);
            }
        }
        return builder.Build(NoMetadata);
    }

    public InferenceSession Open() => OnnxCases.Open(Export(Network, Form, Steps));

    /// <summary>Far from symmetric, so that plain iteration runs away, with (I - W) + (I - W)' at least 2 * 0.5.</summary>
    private static float[] Monotone(float[] w, int d)
    {
        var monotone = new float[d * d];
        for (var i = 0; i < d; i++)
        {
            for (var j = 0; j < d; j++)
            {
                monotone[i * d + j] = 0.49f * (w[i * d + j] + w[j * d + i]) + 3 * (w[i * d + j] - w[j * d + i]);
            }
        }
        return monotone;
    }

    private static float[] Triangular(float[] w, int d, bool diagonal) => [.. w.Select((v, i) => i % d < i / d || diagonal && i % d == i / d ? Math.Min(3 * v, 0.9f) : 0)];

    private static DeqNetwork With(DeqNetwork network, float[] w, WellPosedness rule) =>
        new(w, network.U.Span, network.B.Span, network.V.Span, network.C.Span, network.Activation, network.Link, rule, null, network.S.Span, network.Encoder, network.Gain.Span, network.Shift.Span);

    private static bool IsOfStraightLines(Activation activation) => activation is Activation.ReLU or Activation.LeakyReLU or Activation.Identity;
}
