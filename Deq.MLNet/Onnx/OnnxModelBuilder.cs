using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Deq.MLNet.Networks;
using Deq.MLNet.Onnx.Proto;
using Google.Protobuf;
using Google.Protobuf.Collections;

namespace Deq.MLNet.Onnx;

/// <summary>Writes a graph as an ONNX file. The same calls give the same bytes: there is no date and no random name in it.</summary>
internal sealed class OnnxModelBuilder(string graphName, int opset) : IOnnxGraph
{
    /// <summary>The name of the first dimension of inputs and outputs, left open.</summary>
    public const string BatchDimension = "B";

    /// <summary>The domain of ONNX's operators for classical machine learning.</summary>
    public const string MLDomain = "ai.onnx.ml";

    /// <summary>The version of that domain's operators that ML.NET writes.</summary>
    private const int MLOpset = 2;

    private readonly GraphProto _graph = new() { Name = graphName };
    private readonly HashSet<string> _values = [];
    private readonly HashSet<string> _nodes = [];

    /// <summary>Receives nodes: the graph, or the body of a loop that is being written.</summary>
    private GraphProto? _body;

    public int Opset => opset;

    /// <summary>Operators, with those in the bodies of loops.</summary>
    public int NodeCount => Count(_graph);

    /// <summary>The names of the graph's inputs, in the order in which they were added.</summary>
    public IReadOnlyList<string> Inputs => [.. _graph.Input.Select(i => i.Name)];

    /// <summary>The names of the graph's outputs, in the order in which they were added.</summary>
    public IReadOnlyList<string> Outputs => [.. _graph.Output.Select(o => o.Name)];

    /// <summary>Whether an input, an initializer or a node's output has this name.</summary>
    public bool Holds(string value) => _values.Contains(value);

    /// <summary>Declares an input of B rows.</summary>
    public void AddInput(string name, int width, OnnxType type = OnnxType.Single) => _graph.Input.Add(Value(Unique(_values, name), width, type));

    /// <summary>Takes back an input that no node reads.</summary>
    public void RemoveInput(string name)
    {
        _graph.Input.Remove(_graph.Input.Single(input => input.Name == name));
        _values.Remove(name);
    }

    /// <summary>Declares a node's output as one of the graph, with B rows.</summary>
    public void AddOutput(string name, int width, OnnxType type = OnnxType.Single) => _graph.Output.Add(Value(name, width, type));

    public string AddInitializer(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) => AddTensor(name, OnnxType.Single, LittleEndian(values), shape);

    public string AddInitializer(string name, ReadOnlySpan<Half> values, params ReadOnlySpan<long> shape) => AddTensor(name, OnnxType.Half, LittleEndian(values), shape);

    public string AddInitializer(string name, ReadOnlySpan<long> values, params ReadOnlySpan<long> shape) => AddInitializer(name, OnnxType.Int64, values, shape);

    /// <summary>Adds constant whole numbers or truth values, row-major; a UInt64 is given by its bits.</summary>
    public string AddInitializer(string name, OnnxType type, ReadOnlySpan<long> values, params ReadOnlySpan<long> shape)
    {
        var size = OnnxTypes.SizeOf(type);
        var raw = new byte[checked(values.Length * size)];
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        for (var i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, values[i]);
            bytes[..size].CopyTo(raw.AsSpan(i * size));
        }
        return AddTensor(name, type, raw, shape);
    }

    /// <summary>Adds constant float64 values, row-major.</summary>
    public string AddInitializer(string name, ReadOnlySpan<double> values, params ReadOnlySpan<long> shape) => AddTensor(name, OnnxType.Double, LittleEndian(values), shape);

    /// <summary>Adds constant texts, row-major.</summary>
    public string AddInitializer(string name, IEnumerable<string> values, params ReadOnlySpan<long> shape)
    {
        var tensor = new TensorProto { Name = Unique(_values, name), DataType = (int)OnnxType.String, Dims = { shape.ToArray() }, StringData = { values.Select(ByteString.CopyFromUtf8) } };
        _graph.Initializer.Add(tensor);
        return name;
    }

    public string AddNode(string op, string name, ReadOnlySpan<string> inputs, string? output = null, params ReadOnlySpan<(string Name, long Value)> attributes)
    {
        var node = AddNode(op, name, inputs.ToArray(), [output ?? name], "");
        foreach (var attribute in attributes)
        {
            node.Add(attribute.Name, attribute.Value);
        }
        return output ?? name;
    }

    /// <summary>Adds a node as it is.</summary>
    public void AddNode(NodeProto node) => AddNode(node.OpType, node.Name, node.Input, node.Output, node.Domain).Add(node.Attribute);

    /// <summary>Adds an operator of any domain, with any number of outputs.</summary>
    public OnnxNodeBuilder AddNode(string op, string name, IEnumerable<string> inputs, IEnumerable<string> outputs, string domain)
    {
        var node = new NodeProto { OpType = op, Name = Unique(_nodes, name), Domain = domain };
        foreach (var input in inputs)
        {
            node.Input.Add(Holds(input) ? input : throw new ArgumentException($"The node {name} reads {input}, which nothing before it makes.", nameof(inputs)));
        }
        node.Output.Add(outputs.Select(output => Unique(_values, output)));
        (_body ?? _graph).Node.Add(node);
        return new OnnxNodeBuilder(node);
    }

    public IReadOnlyList<string> AddLoop(string name, long most, IReadOnlyList<string> states, Func<IReadOnlyList<string>, (string Continue, IReadOnlyList<string> States)> body)
    {
        var iterations = AddInitializer($"{name}/most", OnnxType.Int64, [most]);
        var yes = AddInitializer($"{name}/start", OnnxType.Boolean, [1]);
        string[] inside = [.. states.Select((_, i) => Unique(_values, string.Create(CultureInfo.InvariantCulture, $"{name}/state_{i + 1}")))];
        var (outer, graph) = (_body, new GraphProto { Name = name });
        _body = graph;
        var next = body(inside);
        _body = outer;
        graph.Input.Add(Value(Unique(_values, $"{name}/iteration"), OnnxType.Int64, new TensorShapeProto()));
        graph.Input.Add(Value(Unique(_values, $"{name}/condition"), OnnxType.Boolean, new TensorShapeProto()));
        // The types of the states are those of what enters the loop.
        graph.Input.Add(inside.Select(state => new ValueInfoProto { Name = state }));
        graph.Output.Add(next.States.Prepend(next.Continue).Select(output => new ValueInfoProto { Name = output }));
        string[] results = [.. states.Select((_, i) => string.Create(CultureInfo.InvariantCulture, $"{name}/result_{i + 1}"))];
        AddNode("Loop", name, [iterations, yes, .. states], results, "").Add("body", graph);
        return results;
    }

    /// <summary>The values that a node reads, with what the body of a loop reads from outside; names made within the body are among them.</summary>
    public static IEnumerable<string> Reads(NodeProto node) =>
        node.Input.Concat(node.Attribute.Where(a => a.G is not null).SelectMany(a => a.G.Node.SelectMany(Reads).Concat(a.G.Output.Select(o => o.Name))));

    /// <summary>The nodes so far.</summary>
    public IReadOnlyList<NodeProto> Nodes => _graph.Node;

    /// <summary>The values of a constant; null where a value is none.</summary>
    public TensorProto? Constant(string value) => _graph.Initializer.FirstOrDefault(tensor => tensor.Name == value);

    /// <summary>Puts other nodes in the place of one. Its name and those of its outputs are free for them.</summary>
    /// <param name="index">Of the node.</param>
    /// <param name="write">Adds the others.</param>
    /// <returns>How many those are.</returns>
    public int Replace(int index, Action<NodeProto> write)
    {
        var node = _graph.Node[index];
        _graph.Node.RemoveAt(index);
        _nodes.Remove(node.Name);
        _values.ExceptWith(node.Output);
        var count = _graph.Node.Count;
        write(node);
        var added = _graph.Node.Skip(count).ToList();
        while (_graph.Node.Count > count)
        {
            _graph.Node.RemoveAt(count);
        }
        for (var i = 0; i < added.Count; i++)
        {
            _graph.Node.Insert(index + i, added[i]);
        }
        return added.Count;
    }

    /// <summary>Says what type of elements a value has, where readers cannot infer it from the operator.</summary>
    public void AddType(string value, OnnxType type) =>
        _graph.ValueInfo.Add(new ValueInfoProto { Name = value, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type } } });

    /// <summary>Removes the nodes, constants and inputs that no output depends on.</summary>
    public void RemoveUnused()
    {
        var used = Outputs.ToHashSet();
        // A node stands behind those that it reads.
        for (var i = _graph.Node.Count - 1; i >= 0; i--)
        {
            if (_graph.Node[i].Output.Any(used.Contains))
            {
                used.UnionWith(Reads(_graph.Node[i]));
            }
            else
            {
                _graph.Node.RemoveAt(i);
            }
        }
        RemoveWhere(_graph.Initializer, tensor => !used.Contains(tensor.Name));
        RemoveWhere(_graph.Input, input => !used.Contains(input.Name));
    }

    /// <summary>The domains of operators beyond the standard ones and <see cref="MLDomain"/>.</summary>
    public IReadOnlyList<string> Domains => [.. _graph.Node.Select(node => node.Domain).Where(domain => domain is not ("" or MLDomain)).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The bytes of the file.</summary>
    /// <param name="metadata">Becomes the file's metadata, in ordinal order of the keys.</param>
    public byte[] Build(IReadOnlyDictionary<string, string> metadata)
    {
        var model = new ModelProto
        {
            // The version of the file format that the opset came out with (ONNX, Versioning.md); up to opset 18 one does for all.
            IrVersion = opset switch { <= 18 => 8, <= 20 => 9, _ => 10 },
            ProducerName = typeof(Network).Assembly.GetName().Name,
            ProducerVersion = Library.Version,
            Graph = _graph,
        };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = opset });
        if (_graph.Node.Any(node => node.Domain == MLDomain))
        {
            model.OpsetImport.Add(new OperatorSetIdProto { Domain = MLDomain, Version = MLOpset });
        }
        // Version 1 is the first and last of ONNX Runtime's own operators, com.microsoft.
        model.OpsetImport.Add(Domains.Select(domain => new OperatorSetIdProto { Domain = domain, Version = 1 }));
        foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
        {
            model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        }
        return model.ToByteArray();
    }

    /// <summary>The bytes of numbers as ONNX has them on every machine.</summary>
    private static byte[] LittleEndian<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values).ToArray();
        for (var i = 0; !BitConverter.IsLittleEndian && i < bytes.Length; i += Unsafe.SizeOf<T>())
        {
            bytes.AsSpan(i, Unsafe.SizeOf<T>()).Reverse();
        }
        return bytes;
    }

    private string AddTensor(string name, OnnxType type, byte[] raw, ReadOnlySpan<long> shape)
    {
        _graph.Initializer.Add(new TensorProto { Name = Unique(_values, name), DataType = (int)type, Dims = { shape.ToArray() }, RawData = UnsafeByteOperations.UnsafeWrap(raw) });
        return name;
    }

    private static int Count(GraphProto graph) => graph.Node.Sum(node => 1 + node.Attribute.Where(a => a.G is not null).Sum(a => Count(a.G)));

    private static ValueInfoProto Value(string name, int width, OnnxType type)
    {
        var shape = new TensorShapeProto();
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = BatchDimension });
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = width });
        return Value(name, type, shape);
    }

    private static ValueInfoProto Value(string name, OnnxType type, TensorShapeProto shape) =>
        new() { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape } } };

    private static void RemoveWhere<T>(RepeatedField<T> items, Predicate<T> unwanted)
    {
        for (var i = items.Count - 1; i >= 0; i--)
        {
            if (unwanted(items[i]))
            {
                items.RemoveAt(i);
            }
        }
    }

    private static string Unique(HashSet<string> names, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return names.Add(name) ? name : throw new ArgumentException($"The name {name} is taken in this ONNX graph; choose another.", nameof(name));
    }
}
