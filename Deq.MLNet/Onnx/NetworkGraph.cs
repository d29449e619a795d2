using System.Globalization;
using Deq.MLNet.Networks;
using Deq.MLNet.Onnx.Forms;

namespace Deq.MLNet.Onnx;

/// <summary>A network as nodes of an ONNX graph, with operators whose form is the same in the opsets 9 to 21.</summary>
internal static class NetworkGraph
{
    /// <summary>The first opset that the operators are written for.</summary>
    public const int MinOpset = 9;

    /// <summary>The name of the node from which a key is made.</summary>
    public const string KeyIndex = "label/argmax";

    /// <summary>Adds a network that reads one value, (B, n).</summary>
    /// <param name="graph">Receives weights and nodes.</param>
    /// <param name="input">The value that holds the features.</param>
    /// <param name="plan">The network, and how it is written.</param>
    /// <param name="outputs">What follows from the affine outputs, (B, K) each, and the names it gets.</param>
    public static void Add(IOnnxGraph graph, string input, NetworkPlan plan, params IReadOnlyList<(Readout Readout, string Name)> outputs)
    {
        graph = plan.Float16Weights ? new HalfWeightsGraph(graph) : graph;
        var network = plan.Network;
        var (prefix, affine) = network switch
        {
            DeqNetwork deq => ("deq", AddDeq(graph, deq, input, plan)),
            FnnNetwork fnn => ("fnn", AddFnn(graph, fnn, input)),
            _ => throw new NotSupportedException($"{network.GetType().Name} has no ONNX form."),
        };
        var missing = AddMissing(graph, network.InputSize, prefix, input);
        for (var i = 0; i < outputs.Count; i++)
        {
            var number = i == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"_{i + 1}");
            var y = AddReadout(graph, outputs[i].Readout, $"{prefix}/output{number}", affine);
            graph.AddNode("Add", $"{prefix}/missing/add{number}", [y, missing], outputs[i].Name);
        }
    }

    /// <summary>Adds the key of the most probable class, (B, 1) of UInt32: 1 to K, the first of equals; 0, ML.NET's missing key, where the probabilities are NaN.</summary>
    /// <param name="graph">Receives constants and nodes.</param>
    /// <param name="probabilities">A value of (B, K), rows that sum to 1.</param>
    /// <param name="classes">K.</param>
    /// <param name="output">The name that the key gets.</param>
    public static void AddKey(IOnnxGraph graph, string probabilities, int classes, string output)
    {
        var index = graph.AddNode("ArgMax", KeyIndex, [probabilities], null, ("axis", 1), ("keepdims", 1));
        var key = graph.AddNode("Add", "label/key", [index, graph.AddInitializer("label/one", 1)]);
        // A runtime's ArgMax of NaN may be any class. A sum is NaN where one of them is, and NaN is greater than nothing.
        var ones = new float[classes];
        Array.Fill(ones, 1);
        var sum = graph.AddNode("MatMul", "label/sum", [probabilities, graph.AddInitializer("label/ones", ones, classes, 1)]);
        var present = graph.AddNode("Greater", "label/present", [sum, graph.AddInitializer("label/zero", [0f], 1)]);
        var known = graph.AddNode("Where", "label/where", [present, key, graph.AddInitializer("label/missing", 0)]);
        graph.AddNode("Cast", "label/cast", [known], output, ("to", (long)OnnxType.UInt32));
    }

    private static string AddDeq(IOnnxGraph graph, DeqNetwork network, string input, NetworkPlan plan)
    {
        long d = network.StateSize;
        var cell = new CellNodes(graph, "deq", network.Activation, network.Weights);
        var encoded = AddLayers(graph, network.Encoder, "deq/encoder", cell.AddActivation, input);
        var u = graph.AddWeights("deq/U", network.U.Span, d, network.U.Length / d);
        var b = graph.AddWeights("deq/b", network.B.Span, d);
        var injection = AddGemm(graph, "deq/injection", encoded, u, b);

        var form = GraphForms.Of(plan.Form!.Value, plan.Tightened);
        var states = form.States(new CellGraph(graph, network, cell, injection, plan.Steps));
        var z = (form.Steps(network) is null ? states.ElementAt(plan.Steps - 1) : states.First()).Z;
        var v = graph.AddWeights("deq/V", network.V.Span, network.OutputSize, d);
        var c = graph.AddWeights("deq/c", network.C.Span, network.OutputSize);
        if (network.S.IsEmpty)
        {
            return AddGemm(graph, "deq/output/gemm", z, v, c);
        }
        var s = graph.AddWeights("deq/S", network.S.Span, network.OutputSize, network.InputSize);
        return AddGemm(graph, "deq/output/gemm", z, v, AddGemm(graph, "deq/output/skip", input, s, c));
    }

    private static string AddFnn(IOnnxGraph graph, FnnNetwork network, string input)
    {
        var hidden = AddLayers(graph, network.Layers.SkipLast(1), "fnn/layer", new CellNodes(graph, "fnn", network.Activation).AddActivation, input);
        return AddLayer(graph, network.Layers[^1], "fnn/output", hidden);
    }

    /// <summary>Layers with the activation after each.</summary>
    private static string AddLayers(IOnnxGraph graph, IEnumerable<DenseLayer> layers, string prefix, Func<string, string, string> addActivation, string input)
    {
        foreach (var (i, layer) in layers.Index())
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{prefix}_{i + 1}");
            input = addActivation(name, AddLayer(graph, layer, name, input));
        }
        return input;
    }

    private static string AddLayer(IOnnxGraph graph, DenseLayer layer, string name, string input)
    {
        var weights = graph.AddWeights($"{name}/W", layer.Weights.Span, layer.OutputSize, layer.InputSize);
        var bias = graph.AddWeights($"{name}/b", layer.Bias.Span, layer.OutputSize);
        return AddGemm(graph, $"{name}/gemm", input, weights, bias);
    }

    /// <summary>input * weights' + bias: the weights stay outputs x inputs, as a network holds them.</summary>
    private static string AddGemm(IOnnxGraph graph, string name, string input, string weights, string bias) =>
        graph.AddNode("Gemm", name, [input, weights, bias], null, ("transB", 1));

    private static string AddReadout(IOnnxGraph graph, Readout readout, string name, string affine)
    {
        var value = affine;
        if (!readout.IsLinkAlone)
        {
            var slope = graph.AddInitializer($"{name}/slope", [(float)readout.Slope], 1);
            var offset = graph.AddInitializer($"{name}/offset", [(float)readout.Offset], 1);
            value = graph.AddNode("Add", $"{name}/shifted", [graph.AddNode("Mul", $"{name}/scaled", [affine, slope]), offset]);
        }
        return readout.Link switch
        {
            Link.Identity => value,
            Link.Exp => graph.AddNode("Exp", $"{name}/exp", [value]),
            Link.Logistic => graph.AddNode("Sigmoid", $"{name}/sigmoid", [value]),
            // Up to opset 12 the operator flattens from the axis on, later it does not: for the last axis that is the same.
            Link.Softmax => graph.AddNode("Softmax", $"{name}/softmax", [value], null, ("axis", 1)),
            var other => throw new NotSupportedException($"The link {other} has no ONNX form."),
        };
    }

    /// <summary>
    /// Adds 0 * (sum of the features), (B, 1), which is NaN exactly where a feature is NaN or infinite, as <see cref="Network.Evaluate"/> has it:
    /// by itself an infinite feature can end in a finite score, and a runtime's activation may turn a NaN into a number.
    /// </summary>
    private static string AddMissing(IOnnxGraph graph, int inputs, string prefix, string input)
    {
        var zeros = graph.AddInitializer($"{prefix}/missing/zeros", new float[inputs], inputs, 1);
        return graph.AddNode("MatMul", $"{prefix}/missing/matmul", [input, zeros]);
    }
}
