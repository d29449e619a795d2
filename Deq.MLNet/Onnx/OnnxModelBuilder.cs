using System.Buffers.Binary;
using System.Reflection;
using Deq.MLNet.Onnx.Proto;
using Google.Protobuf;

namespace Deq.MLNet.Onnx;

/// <summary>Writes a graph as an ONNX file. The same calls give the same bytes: there is no date and no random name in it.</summary>
internal sealed class OnnxModelBuilder(string graphName, int opset) : IOnnxGraph
{
    /// <summary>The name of the first dimension of inputs and outputs, left open.</summary>
    public const string BatchDimension = "B";

    private const int FloatType = 1, IntAttribute = 2;

    private readonly GraphProto _graph = new() { Name = graphName };
    private readonly HashSet<string> _values = [];
    private readonly HashSet<string> _nodes = [];

    /// <summary>The version of this library, without the commit it was built from.</summary>
    public static string LibraryVersion { get; } =
        typeof(Network).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    public int NodeCount => _graph.Node.Count;

    /// <summary>Declares an input of B rows.</summary>
    public void AddInput(string name, int width) => _graph.Input.Add(Value(Unique(_values, name), width));

    /// <summary>Declares a node's output as one of the graph, with B rows.</summary>
    public void AddOutput(string name, int width) => _graph.Output.Add(Value(name, width));

    public string AddInitializer(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape)
    {
        var raw = new byte[checked(values.Length * sizeof(float))];
        for (var i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(raw.AsSpan(i * sizeof(float)), values[i]);
        }
        var tensor = new TensorProto { Name = Unique(_values, name), DataType = FloatType, RawData = UnsafeByteOperations.UnsafeWrap(raw) };
        foreach (var size in shape)
        {
            tensor.Dims.Add(size);
        }
        _graph.Initializer.Add(tensor);
        return name;
    }

    public string AddNode(string op, string name, ReadOnlySpan<string> inputs, string? output = null, params ReadOnlySpan<(string Name, long Value)> attributes)
    {
        var node = new NodeProto { OpType = op, Name = Unique(_nodes, name) };
        foreach (var input in inputs)
        {
            node.Input.Add(_values.Contains(input) ? input : throw new ArgumentException($"The node {name} reads {input}, which nothing before it makes.", nameof(inputs)));
        }
        foreach (var attribute in attributes)
        {
            node.Attribute.Add(new AttributeProto { Name = attribute.Name, I = attribute.Value, Type = IntAttribute });
        }
        node.Output.Add(Unique(_values, output ?? name));
        _graph.Node.Add(node);
        return node.Output[0];
    }

    /// <summary>The bytes of the file.</summary>
    /// <param name="metadata">Becomes the file's metadata, in ordinal order of the keys.</param>
    public byte[] Build(IReadOnlyDictionary<string, string> metadata)
    {
        var model = new ModelProto
        {
            // The version of the file format that the opset came out with (ONNX, Versioning.md); up to opset 18 one does for all.
            IrVersion = opset switch { <= 18 => 8, <= 20 => 9, _ => 10 },
            ProducerName = typeof(Network).Assembly.GetName().Name,
            ProducerVersion = LibraryVersion,
            Graph = _graph,
        };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = opset });
        foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
        {
            model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        }
        return model.ToByteArray();
    }

    private static ValueInfoProto Value(string name, int width)
    {
        var shape = new TensorShapeProto();
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = BatchDimension });
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = width });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = FloatType, Shape = shape } } };
    }

    private static string Unique(HashSet<string> names, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return names.Add(name) ? name : throw new ArgumentException($"The name {name} is taken in this ONNX graph; choose another.", nameof(name));
    }
}
