using Deq.MLNet.Onnx.Proto;

namespace Deq.MLNet.Onnx;

/// <summary>
/// What ML.NET's export hooks write that must be written otherwise: forms that ended with opset 12, and operators that ONNX Runtime computes in another way
/// than ML.NET, or for a batch of one row only.
/// </summary>
internal static class MLNetOperators
{
    private static readonly string[] Reductions = ["ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare"];

    private static readonly Dictionary<string, Action<OnnxModelBuilder, NodeProto>> Rewrites = new()
    {
        ["ArgMax"] = Choose,
        ["Binarizer"] = Binarize,
        ["FeatureVectorizer"] = Concatenate,
        ["GatherElements"] = Gather,
        ["Identity"] = Pass,
        ["LabelEncoder"] = Encode,
        ["Normalizer"] = Normalize,
        ["OneHotEncoder"] = Flatten,
        ["ReduceSum"] = (graph, node) => MoveAxes(graph, node, 13),
        ["Squeeze"] = (graph, node) => MoveAxes(graph, node, 13),
        ["Unsqueeze"] = (graph, node) => MoveAxes(graph, node, 13),
    };

    static MLNetOperators()
    {
        foreach (var reduction in Reductions)
        {
            Rewrites[reduction] = (graph, node) => MoveAxes(graph, node, 18);
        }
    }

    /// <summary>Replaces every node that must be written otherwise.</summary>
    public static void Rewrite(OnnxModelBuilder graph)
    {
        for (var i = 0; i < graph.Nodes.Count;)
        {
            i += Rewrites.TryGetValue(graph.Nodes[i].OpType, out var rewrite) ? graph.Replace(i, node => rewrite(graph, node)) : 1;
        }
    }

    /// <summary>Writes the types of what the operators of ai.onnx.ml give for which ONNX's own checker infers none.</summary>
    public static void DeclareTypes(OnnxModelBuilder graph)
    {
        foreach (var node in graph.Nodes)
        {
            OnnxType? type = node.OpType switch
            {
                "Imputer" => Attribute(node, "imputed_value_int64s") is null ? OnnxType.Single : OnnxType.Int64,
                "LinearRegressor" or "OneHotEncoder" or "Scaler" => OnnxType.Single,
                _ => null,
            };
            if (type is { } known && !graph.Outputs.Contains(node.Output[0]))
            {
                graph.AddType(node.Output[0], known);
            }
        }
    }

    /// <summary>Axes became an input, of some operators with one opset, of the others with a later one.</summary>
    private static void MoveAxes(OnnxModelBuilder graph, NodeProto node, int since)
    {
        if (graph.Opset >= since && Attribute(node, "axes") is { } axes)
        {
            node.Attribute.Remove(axes);
            node.Input.Add(graph.AddInitializer($"{node.Name}/axes", OnnxType.Int64, [.. axes.Ints], axes.Ints.Count));
        }
        graph.AddNode(node);
    }

    /// <summary>The index of the largest score: of NaN an operator may give any, and ML.NET gives none, which is the missing key 0 once 1 is added.</summary>
    private static void Choose(OnnxModelBuilder graph, NodeProto node)
    {
        if (node.Name.StartsWith(NetworkGraph.KeyIndex, StringComparison.Ordinal))
        {
            graph.AddNode(node);
            return;
        }
        var (name, chosen) = (node.Name, node.Output[0]);
        (node.Name, node.Output[0]) = ($"{name}/index", $"{name}/index");
        graph.AddNode(node);
        var sum = graph.AddNode("ReduceSum", $"{name}/sum", [node.Input[0], graph.AddInitializer($"{name}/axes", OnnxType.Int64, [1], 1)]);
        var known = graph.AddNode("Equal", $"{name}/known", [sum, sum]);
        graph.AddNode("Where", name, [known, node.Output[0], graph.AddInitializer($"{name}/none", OnnxType.Int64, [-1])], chosen);
    }

    /// <summary>That of ONNX Runtime refuses a batch with a NaN, which is the score of a row with a missing feature.</summary>
    private static void Binarize(OnnxModelBuilder graph, NodeProto node)
    {
        var threshold = graph.AddInitializer($"{node.Name}/threshold", [Attribute(node, "threshold")!.F], 1);
        var above = graph.AddNode("Greater", $"{node.Name}/above", [node.Input[0], threshold]);
        graph.AddNode("Cast", node.Name, [above], node.Output[0], ("to", (long)OnnxType.Single));
    }

    /// <summary>It makes float32 of every number; the values that ML.NET concatenates are of one type.</summary>
    private static void Concatenate(OnnxModelBuilder graph, NodeProto node) => graph.AddNode("Concat", node.Name, [.. node.Input], node.Output[0], ("axis", 1));

    /// <summary>With indices of shape (1, k) it takes them of the first row only.</summary>
    private static void Gather(OnnxModelBuilder graph, NodeProto node)
    {
        var columns = graph.AddNode("Gather", $"{node.Name}/columns", [.. node.Input], null, ("axis", 1));
        graph.AddNode("Flatten", node.Name, [columns], node.Output[0], ("axis", 1));
    }

    /// <summary>Of a column of which feature selection keeps nothing, ML.NET's hook writes one row of a constant, whatever the number of rows.</summary>
    private static void Pass(OnnxModelBuilder graph, NodeProto node)
    {
        if (graph.Constant(node.Input[0]) is not null)
        {
            throw new OnnxExportException($"Feature selection keeps nothing of a column ({node.Output[0]}), and ML.NET's export hook writes that for a single row only. Leave the column out of the features.");
        }
        graph.AddNode(node);
    }

    /// <summary>The encoding of a column, (B, k, categories), as the vector that ML.NET makes of it, (B, k * categories); a sum over k reads it as it is.</summary>
    private static void Flatten(OnnxModelBuilder graph, NodeProto node)
    {
        if (graph.Nodes.Any(reader => reader.OpType == "ReduceSum" && reader.Input.Contains(node.Output[0])))
        {
            graph.AddNode(node);
            return;
        }
        var flat = node.Output[0];
        node.Output[0] = $"{node.Name}/encoded";
        graph.AddNode(node);
        graph.AddNode("Flatten", $"{node.Name}/flat", [node.Output[0]], flat, ("axis", 1));
    }

    /// <summary>What ML.NET gives for a key that is missing, where its hook leaves that to the operator ("_Unused", or -0).</summary>
    private static void Encode(OnnxModelBuilder graph, NodeProto node)
    {
        var to = graph.Nodes.Where(reader => reader.OpType == "Cast" && reader.Input.Contains(node.Output[0])).Select(cast => (OnnxType?)(int)Attribute(cast, "to")!.I).FirstOrDefault();
        if (Attribute(node, "values_strings") is not null && Attribute(node, "default_string") is null)
        {
            // Numbers are written as text and cast.
            new OnnxNodeBuilder(node).Add("default_string", to is null ? "" : "0");
        }
        if (Attribute(node, "values_floats") is not null && Attribute(node, "default_float") is null)
        {
            new OnnxNodeBuilder(node).Add("default_float", to is OnnxType.Boolean ? 0 : float.NaN);
        }
        graph.AddNode(node);
    }

    /// <summary>ONNX's maximum is that of the values, ML.NET's that of their magnitudes; and ML.NET leaves a row as it is whose norm is zero, NaN or so large that its reciprocal is below 1e-8.</summary>
    private static void Normalize(OnnxModelBuilder graph, NodeProto node)
    {
        var (reduction, values) = Attribute(node, "norm")!.S.ToStringUtf8() switch
        {
            "MAX" => ("ReduceMax", graph.AddNode("Abs", $"{node.Name}/magnitudes", [node.Input[0]])),
            var norm => ($"Reduce{norm}", node.Input[0]),
        };
        var length = new NodeProto { OpType = reduction, Name = $"{node.Name}/norm", Input = { values }, Output = { $"{node.Name}/norm" } };
        new OnnxNodeBuilder(length).Add("axes", new long[] { 1 });
        MoveAxes(graph, length, 18);
        var one = graph.AddInitializer($"{node.Name}/one", [1f], 1);
        var present = graph.AddNode("Greater", $"{node.Name}/present", [length.Output[0], graph.AddInitializer($"{node.Name}/zero", [0f], 1)]);
        var scale = graph.AddNode("Where", $"{node.Name}/scale", [present, graph.AddNode("Div", $"{node.Name}/reciprocal", [one, length.Output[0]]), one]);
        var small = graph.AddNode("Less", $"{node.Name}/is_small", [scale, graph.AddInitializer($"{node.Name}/least", [1e-8f], 1)]);
        graph.AddNode("Mul", node.Name, [node.Input[0], graph.AddNode("Where", $"{node.Name}/kept", [small, one, scale])], node.Output[0]);
    }

    private static AttributeProto? Attribute(NodeProto node, string name) => node.Attribute.FirstOrDefault(a => a.Name == name);
}
