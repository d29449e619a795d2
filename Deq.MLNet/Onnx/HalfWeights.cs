using Deq.MLNet.Networks;

namespace Deq.MLNet.Onnx;

/// <summary>Weights rounded to float16.</summary>
internal static class HalfWeights
{
    /// <summary>The network that a graph with float16 weights computes: all of its arrays rounded but gain and shift. What is proved of its W is proved anew.</summary>
    /// <exception cref="OnnxExportException">A weight is beyond the range of float16.</exception>
    public static Network Of(Network network) => network switch
    {
        DeqNetwork deq => new DeqNetwork(Of(deq.Weights), deq.Activation, deq.Link, deq.Scoring, deq.Certificate.Rule),
        FnnNetwork fnn => new FnnNetwork(Of(fnn.Layers, "fnn/layer"), fnn.Activation, fnn.Link),
        _ => throw new NotSupportedException($"{network.GetType().Name} has no ONNX form."),
    };

    /// <summary>Rounds the weights of a name.</summary>
    /// <exception cref="OnnxExportException">A weight is beyond the range of float16.</exception>
    public static Half[] Round(string name, ReadOnlySpan<float> values)
    {
        var halves = new Half[values.Length];
        for (var i = 0; i < halves.Length; i++)
        {
            halves[i] = (Half)values[i];
            if (Half.IsInfinity(halves[i]))
            {
                throw new OnnxExportException(FormattableString.Invariant($"{name} holds {values[i]}, and float16 ends at {(float)Half.MaxValue}: export without {nameof(OnnxExportOptions.Float16Weights)}, or train on a label and features of smaller units, whose scale is folded into the weights."));
            }
        }
        return halves;
    }

    private static DeqWeights Of(DeqWeights weights) => new(Widened("W", weights.W), Widened("U", weights.U), Widened("b", weights.B), Widened("V", weights.V), Widened("c", weights.C))
    {
        S = weights.S is null ? null : Widened("S", weights.S),
        Gain = weights.Gain,
        Shift = weights.Shift,
        Encoder = Of(weights.Encoder, "encoder"),
    };

    private static DenseLayer[] Of(IEnumerable<DenseLayer> layers, string name) =>
        [.. layers.Select((layer, i) => new DenseLayer(Widened($"{name}_{i + 1}/W", layer.Weights.Span), Widened($"{name}_{i + 1}/b", layer.Bias.Span)))];

    private static float[] Widened(string name, ReadOnlySpan<float> values) => Array.ConvertAll(Round(name, values), half => (float)half);
}
