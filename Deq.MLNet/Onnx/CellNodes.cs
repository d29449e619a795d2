using Deq.MLNet.Networks;

namespace Deq.MLNet.Onnx;

/// <summary>The nodes of a cell behind its product, with operators whose form is the same in the opsets 9 to 21. Constants are stored once, where they are first needed.</summary>
/// <param name="graph">Receives constants and nodes.</param>
/// <param name="prefix">Begins the names of constants.</param>
/// <param name="activation">phi.</param>
/// <param name="weights">The arrays of a network whose cell may be layer-normalised; null for activations alone.</param>
internal sealed class CellNodes(IOnnxGraph graph, string prefix, Activation activation, DeqWeights? weights = null)
{
    private readonly Dictionary<string, string> _constants = [];

    /// <summary>phi, of the normal form where the cell is layer-normalised.</summary>
    public string Add(string name, string value) => AddActivation(name, weights?.Gain is { } gain ? AddNormal(name, value, gain, weights.Shift!) : value);

    public string AddActivation(string name, string value) => activation switch
    {
        Activation.ReLU => graph.AddNode("Relu", $"{name}/relu", [value]),
        Activation.Tanh => graph.AddNode("Tanh", $"{name}/tanh", [value]),
        Activation.LeakyReLU => AddLeaky(name, value, "leak", ActivationExtensions.Leak),
        Activation.GELU => AddGelu(name, value),
        Activation.Softplus => graph.AddNode("Softplus", $"{name}/softplus", [value]),
        Activation.Identity => value,
        _ => throw new NotSupportedException($"The activation {activation} has no ONNX form."),
    };

    /// <summary>prox of step * g, where phi itself is prox of g; for a phi of straight lines.</summary>
    public string AddProximal(string name, string value, double step) =>
        activation == Activation.LeakyReLU ? AddLeaky(name, value, "proximal_leak", ActivationExtensions.ProximalLeak(step)) : AddActivation(name, value);

    private string AddLeaky(string name, string value, string constant, double leak) =>
        graph.AddNode("Max", $"{name}/leaky_relu", [value, graph.AddNode("Mul", $"{name}/leak", [value, Constant(constant, (float)leak)])]);

    /// <summary>v (1 + erf(v / sqrt(2))) / 2: the operator Gelu came with opset 20.</summary>
    private string AddGelu(string name, string value)
    {
        var erf = graph.AddNode("Erf", $"{name}/erf", [graph.AddNode("Mul", $"{name}/scaled", [value, Constant("root_half", MathF.Sqrt(0.5f))])]);
        var half = Constant("one_half", 0.5f);
        var probability = graph.AddNode("Add", $"{name}/probability", [graph.AddNode("Mul", $"{name}/half_erf", [erf, half]), half]);
        return graph.AddNode("Mul", $"{name}/gelu", [value, probability]);
    }

    /// <summary>The operator LayerNormalization came with opset 17, and that of a mean changed with 18: here a mean is a product with d values of 1 / d.</summary>
    private string AddNormal(string name, string value, float[] gain, float[] shift)
    {
        var share = new float[gain.Length];
        Array.Fill(share, 1f / gain.Length);
        var mean = Constant("mean", share, gain.Length, 1);
        var centred = graph.AddNode("Sub", $"{name}/centred", [value, graph.AddNode("MatMul", $"{name}/mean", [value, mean])]);
        var variance = graph.AddNode("MatMul", $"{name}/variance", [graph.AddNode("Mul", $"{name}/square", [centred, centred]), mean]);
        var deviation = graph.AddNode("Sqrt", $"{name}/deviation", [graph.AddNode("Add", $"{name}/raised", [variance, Constant("epsilon", (float)Equilibrium.LayerNorm.Epsilon)])]);
        var normal = graph.AddNode("Div", $"{name}/normal", [centred, deviation]);
        return graph.AddNode("Add", $"{name}/shifted", [graph.AddNode("Mul", $"{name}/gained", [normal, Constant("gain", gain, gain.Length)]), Constant("shift", shift, shift.Length)]);
    }

    private string Constant(string name, float value) => Constant(name, [value], 1);

    private string Constant(string name, float[] values, params ReadOnlySpan<long> shape)
    {
        if (!_constants.TryGetValue(name, out var stored))
        {
            _constants[name] = stored = graph.AddInitializer($"{prefix}/{name}", values, shape);
        }
        return stored;
    }
}
