namespace Deq.MLNet.Onnx;

/// <summary>A graph whose weights are stored as float16, half the bytes, with a Cast to float32 behind each, which a runtime does once, when it loads the graph.</summary>
internal sealed class HalfWeightsGraph(IOnnxGraph graph) : IOnnxGraph
{
    /// <exception cref="OnnxExportException">A weight is beyond the range of float16.</exception>
    public string AddWeights(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) =>
        graph.AddNode("Cast", $"{name}/float32", [graph.AddInitializer(name, HalfWeights.Round(name, values), shape)], null, ("to", (long)OnnxType.Single));

    public string AddInitializer(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) => graph.AddInitializer(name, values, shape);

    public string AddInitializer(string name, ReadOnlySpan<Half> values, params ReadOnlySpan<long> shape) => graph.AddInitializer(name, values, shape);

    public string AddInitializer(string name, ReadOnlySpan<long> values, params ReadOnlySpan<long> shape) => graph.AddInitializer(name, values, shape);

    public string AddNode(string op, string name, ReadOnlySpan<string> inputs, string? output = null, params ReadOnlySpan<(string Name, long Value)> attributes) =>
        graph.AddNode(op, name, inputs, output, attributes);

    public IReadOnlyList<string> AddLoop(string name, long most, IReadOnlyList<string> states, Func<IReadOnlyList<string>, (string Continue, IReadOnlyList<string> States)> body) =>
        graph.AddLoop(name, most, states, body);
}
