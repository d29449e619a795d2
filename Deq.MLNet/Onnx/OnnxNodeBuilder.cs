using Deq.MLNet.Onnx.Proto;
using Google.Protobuf;

namespace Deq.MLNet.Onnx;

/// <summary>A node that stands in a graph and receives its attributes.</summary>
internal sealed class OnnxNodeBuilder(NodeProto node)
{
    // ONNX's own numbers (AttributeProto.AttributeType).
    public const int Whole = 2;

    private const int Single = 1, Text = 3, Graph = 5, Singles = 6, Wholes = 7, Texts = 8;

    public void Add(IEnumerable<AttributeProto> attributes) => node.Attribute.Add(attributes);

    public void Add(string name, float value) => node.Attribute.Add(new AttributeProto { Name = name, F = value, Type = Single });

    public void Add(string name, long value) => node.Attribute.Add(new AttributeProto { Name = name, I = value, Type = Whole });

    public void Add(string name, string value) => node.Attribute.Add(new AttributeProto { Name = name, S = ByteString.CopyFromUtf8(value), Type = Text });

    public void Add(string name, GraphProto value) => node.Attribute.Add(new AttributeProto { Name = name, G = value, Type = Graph });

    public void Add(string name, IEnumerable<float> values) => node.Attribute.Add(new AttributeProto { Name = name, Floats = { values }, Type = Singles });

    public void Add(string name, IEnumerable<long> values) => node.Attribute.Add(new AttributeProto { Name = name, Ints = { values }, Type = Wholes });

    public void Add(string name, IEnumerable<string> values) => node.Attribute.Add(new AttributeProto { Name = name, Strings = { values.Select(ByteString.CopyFromUtf8) }, Type = Texts });
}
