using Deq.MLNet.Onnx;
using Microsoft.ML.Model.OnnxConverter;

namespace Deq.MLNet.Trainers.Onnx;

/// <summary>A node of this library's graph writer, as ML.NET's export hooks give it attributes: numbers become float32 or int64, truth values 0 or 1.</summary>
internal sealed class GraphNode(OnnxNodeBuilder node) : OnnxNode
{
    public override void AddAttribute(string argName, double value) => node.Add(argName, (float)value);

    public override void AddAttribute(string argName, long value) => node.Add(argName, value);

    public override void AddAttribute(string argName, ReadOnlyMemory<char> value) => node.Add(argName, value.ToString());

    public override void AddAttribute(string argName, string value) => node.Add(argName, value);

    public override void AddAttribute(string argName, bool value) => node.Add(argName, value ? 1L : 0);

    public override void AddAttribute(string argName, IEnumerable<double> value) => node.Add(argName, value.Select(v => (float)v));

    public override void AddAttribute(string argName, IEnumerable<float> value) => node.Add(argName, value);

    public override void AddAttribute(string argName, IEnumerable<long> value) => node.Add(argName, value);

    public override void AddAttribute(string argName, IEnumerable<ReadOnlyMemory<char>> value) => node.Add(argName, value.Select(v => v.ToString()));

    public override void AddAttribute(string argName, string[] value) => node.Add(argName, value);

    public override void AddAttribute(string argName, IEnumerable<string> value) => node.Add(argName, value);

    public override void AddAttribute(string argName, IEnumerable<bool> value) => node.Add(argName, value.Select(v => v ? 1L : 0));

    public override void AddAttribute(string argName, Type t) => node.Add(argName, (long)OnnxTypes.Of(t));
}
