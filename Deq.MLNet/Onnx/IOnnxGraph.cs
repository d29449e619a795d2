namespace Deq.MLNet.Onnx;

/// <summary>What a network needs of an ONNX graph that is being built. Names are wishes; those returned are the ones to refer to.</summary>
internal interface IOnnxGraph
{
    /// <summary>Adds constant float32 values, row-major; returns their name.</summary>
    string AddInitializer(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape);

    /// <summary>Adds a constant whole number, int64 without a shape; returns its name.</summary>
    string AddInitializer(string name, long value);

    /// <summary>Adds an operator with one output; returns the output's name.</summary>
    /// <param name="op">The operator, of the default domain.</param>
    /// <param name="name">The node's name, with slashes between its parts, as viewers show it.</param>
    /// <param name="inputs">Names of values.</param>
    /// <param name="output">The output's name, which is taken as it is; null for that of the node.</param>
    /// <param name="attributes">Whole numbers by name.</param>
    string AddNode(string op, string name, ReadOnlySpan<string> inputs, string? output = null, params ReadOnlySpan<(string Name, long Value)> attributes);
}
