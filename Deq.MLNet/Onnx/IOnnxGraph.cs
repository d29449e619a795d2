namespace Deq.MLNet.Onnx;

/// <summary>What a network needs of an ONNX graph that is being built. Names are wishes; those returned are the ones to refer to.</summary>
internal interface IOnnxGraph
{
    /// <summary>Adds constant float32 values, row-major; returns their name.</summary>
    string AddInitializer(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape);

    /// <summary>Adds constant float16 values, row-major; returns their name.</summary>
    string AddInitializer(string name, ReadOnlySpan<Half> values, params ReadOnlySpan<long> shape);

    /// <summary>Adds constant whole numbers, int64, row-major; returns their name.</summary>
    string AddInitializer(string name, ReadOnlySpan<long> values, params ReadOnlySpan<long> shape);

    /// <summary>Adds a constant whole number, int64 without a shape; returns its name.</summary>
    string AddInitializer(string name, long value) => AddInitializer(name, [value], []);

    /// <summary>Adds what a network has learned, row-major; returns the name of float32 values, however the graph stores them.</summary>
    string AddWeights(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) => AddInitializer(name, values, shape);

    /// <summary>Adds an operator with one output; returns the output's name.</summary>
    /// <param name="op">The operator, of the default domain.</param>
    /// <param name="name">The node's name, with slashes between its parts, as viewers show it.</param>
    /// <param name="inputs">Names of values.</param>
    /// <param name="output">The output's name, which is taken as it is; null for that of the node.</param>
    /// <param name="attributes">Whole numbers by name.</param>
    string AddNode(string op, string name, ReadOnlySpan<string> inputs, string? output = null, params ReadOnlySpan<(string Name, long Value)> attributes);

    /// <summary>Adds the operator Loop; returns the names of the states that it ends with.</summary>
    /// <param name="name">The node's name; those of the states that enter and leave its body begin with it.</param>
    /// <param name="most">Iterations at the most; at 0 the states given are those returned.</param>
    /// <param name="states">The values that it starts from.</param>
    /// <param name="body">
    /// Writes one iteration to this same graph: nodes added while it runs stand in the loop, constants outside. It may read whatever stood in the graph before.
    /// It receives the names of the states and returns those of the next ones, each made by a node of its own, and of a truth value without a shape: whether there is a next iteration.
    /// </param>
    IReadOnlyList<string> AddLoop(string name, long most, IReadOnlyList<string> states, Func<IReadOnlyList<string>, (string Continue, IReadOnlyList<string> States)> body);
}
