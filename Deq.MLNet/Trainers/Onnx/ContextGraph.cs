using Deq.MLNet.Onnx;
using Microsoft.ML.Model.OnnxConverter;

namespace Deq.MLNet.Trainers.Onnx;

/// <summary>The graph that ML.NET builds, as a network writes to it.</summary>
/// <remarks>
/// In ML.NET's own context a new variable takes the place of a data column of its name. So a name is taken only where there is
/// neither column nor variable, and given free as a column's at once.
/// </remarks>
internal sealed class ContextGraph(OnnxContext context) : IOnnxGraph
{
    public string AddInitializer(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) =>
        NoColumn(context.AddInitializer(values.ToArray(), shape.ToArray(), Free(name)));

    /// <remarks>ML.NET's own context knows no float16.</remarks>
    public string AddInitializer(string name, ReadOnlySpan<Half> values, params ReadOnlySpan<long> shape) =>
        Ours($"float16 weights ({nameof(OnnxExportOptions)}.{nameof(OnnxExportOptions.Float16Weights)})").AddInitializer(NoColumn(Reserved(name)), values, shape);

    public string AddInitializer(string name, ReadOnlySpan<long> values, params ReadOnlySpan<long> shape) =>
        NoColumn(context.AddInitializer(values.ToArray(), shape.ToArray(), Free(name)));

    public string AddInitializer(string name, long value) => NoColumn(context.AddInitializer(value, Free(name)));

    public string AddNode(string op, string name, ReadOnlySpan<string> inputs, string? output = null, params ReadOnlySpan<(string Name, long Value)> attributes)
    {
        var value = output ?? NoColumn(Reserved(name));
        var node = context.CreateNode(op, inputs.ToArray(), [value], context.GetNodeName(name), domain: "");
        foreach (var attribute in attributes)
        {
            node.AddAttribute(attribute.Name, attribute.Value);
        }
        return value;
    }

    public IReadOnlyList<string> AddLoop(string name, long most, IReadOnlyList<string> states, Func<IReadOnlyList<string>, (string Continue, IReadOnlyList<string> States)> body) =>
        Ours($"{nameof(OnnxForm)}.{nameof(OnnxForm.Loop)}").AddLoop(NoColumn(Reserved(name)), most, states, body);

    /// <summary>This library's own writer.</summary>
    private OnnxModelBuilder Ours(string form) => (context as GraphContext)?.Graph
        ?? throw new OnnxExportException($"{form} cannot be written by ML.NET's own converter. Export with mlContext.Model.SaveOnnx, or choose another form.");

    private string Reserved(string name) => context.AddIntermediateVariable(null, Free(name), skip: true);

    private string Free(string name)
    {
        var free = name;
        for (var i = 2; context.ContainsColumn(free) || context.IsVariableDefined(free); i++)
        {
            free = FormattableString.Invariant($"{name}_{i}");
        }
        return free;
    }

    private string NoColumn(string variable)
    {
        context.RemoveColumn(variable);
        return variable;
    }
}
