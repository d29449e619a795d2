using System.Globalization;

namespace Deq.MLNet.Onnx;

/// <summary>The cell of a network in a graph, for B rows: what the forms of an equilibrium write their steps with.</summary>
/// <param name="graph">Receives constants and nodes.</param>
/// <param name="network">The network.</param>
/// <param name="nodes">phi as nodes.</param>
/// <param name="injection">The value u = U e + b, (B, d).</param>
/// <param name="steps">Steps that are asked for at the most.</param>
internal sealed class CellGraph(IOnnxGraph graph, DeqNetwork network, CellNodes nodes, string injection, int steps)
{
    private readonly string _stepFormat = $"D{Math.Max(2, steps.ToString(CultureInfo.InvariantCulture).Length)}";
    private string? _w, _ones;

    public IOnnxGraph Graph => graph;

    public DeqNetwork Network => network;

    public int Steps => steps;

    /// <summary>W, (d, d), stored once, where it is first needed.</summary>
    public string W => _w ??= graph.AddWeights("deq/W", network.W.Span, network.StateSize, network.StateSize);

    /// <summary>u, (B, d).</summary>
    public string Injection => injection;

    /// <summary>The part of the graph that a step, from 1, stands in.</summary>
    public string StepName(int step) => $"deq/step_{step.ToString(_stepFormat, CultureInfo.InvariantCulture)}";

    /// <summary>A constant of d ones, (d, 1): a product with it sums every row.</summary>
    public string Ones => _ones ??= graph.AddInitializer("deq/ones", Enumerable.Repeat(1f, network.StateSize).ToArray(), network.StateSize, 1);

    /// <summary>The inner product of two values of (B, d), row by row, (B, 1).</summary>
    public string Dot(string name, string left, string right) =>
        graph.AddNode("MatMul", name, [graph.AddNode("Mul", $"{name}/products", [left, right]), Ones]);

    /// <summary>W z + u, (B, d).</summary>
    public string Affine(string name, string z) =>
        graph.AddNode("Gemm", $"{name}/gemm", [z, W, injection], null, ("transB", 1));

    /// <summary>phi of a pre-activation, with the normalisation of the cell.</summary>
    public string Phi(string name, string preActivation) => nodes.Add(name, preActivation);

    /// <summary>prox of step * g, where phi itself is prox of g; for a phi of straight lines.</summary>
    public string Proximal(string name, string value, double step) => nodes.AddProximal(name, value, step);

    /// <summary>f(z) = phi(W z + u).</summary>
    public string Map(string name, string z) => Phi(name, Affine(name, z));
}
