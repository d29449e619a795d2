using Deq.MLNet.Onnx;
using Microsoft.ML.Data;
using Microsoft.ML.Model.OnnxConverter;

namespace Deq.MLNet.Trainers.Onnx;

/// <summary>ML.NET's side of an export over this library's graph writer: the export hooks of scorers and models run in it.</summary>
/// <remarks>Unlike in ML.NET's own context, an initializer never takes the place of a data column of its name.</remarks>
internal sealed class GraphContext(string graphName, ExportSettings settings) : OnnxContext
{
    private readonly Dictionary<string, List<long>> _shapes = [];
    private readonly HashSet<string> _variables = [];
    private readonly HashSet<string> _nodes = [];
    private Dictionary<string, string> _columns = [];
    private HashSet<string>? _made;

    /// <summary>What the columns were when the hook began: one of several pairs of columns may make what a later pair reads.</summary>
    private Dictionary<string, string> _read = [];

    public ExportSettings Settings => settings;

    /// <summary>Features of rows, as the network that is written next receives them, to measure its error on; null for what was measured in training.</summary>
    public IReadOnlyList<ReadOnlyMemory<float>>? CalibrationRows { get; set; }

    /// <summary>The networks written so far, each with how.</summary>
    public List<NetworkPlan> Plans { get; } = [];

    /// <summary>The graph so far.</summary>
    public OnnxModelBuilder Graph { get; } = new(graphName, settings.Opset);

    /// <summary>Makes a data column an input of the graph, under its own name.</summary>
    public void AddInput(string column, DataViewType type)
    {
        var name = AddIntermediateVariable(type, column);
        Graph.AddInput(name, Width(type), Element(type));
    }

    /// <summary>
    /// Runs the hook of a transform, which sees some of the columns and makes others. It names values of its own as it names columns ("CastOutput"):
    /// those take no column's place.
    /// </summary>
    /// <param name="hook">The hook.</param>
    /// <param name="reads">The columns that it sees.</param>
    /// <param name="makes">The columns that it may make.</param>
    /// <returns>Of <paramref name="makes"/>, those that no node of it has written.</returns>
    public IReadOnlyList<string> Write(ISaveAsOnnx hook, IReadOnlySet<string> reads, IReadOnlyList<string> makes)
    {
        var before = _columns;
        _columns = before.Where(column => reads.Contains(column.Key)).ToDictionary();
        _read = _columns.ToDictionary();
        _made = [.. makes];
        hook.SaveAsOnnx(this);
        var after = _columns;
        (_columns, _made, _read) = (before, null, []);
        var missing = new List<string>();
        foreach (var column in makes)
        {
            if (after.TryGetValue(column, out var value) && value != before.GetValueOrDefault(column) && Graph.Holds(value))
            {
                before[column] = value;
            }
            else
            {
                before.Remove(column);
                missing.Add(column);
            }
        }
        return missing;
    }

    /// <summary>Makes the values of a data column an output of the graph, named as ML.NET's converter does; returns false where no node has written them, or a hook has taken them back.</summary>
    public bool AddOutput(string column, DataViewType type)
    {
        if (!_columns.TryGetValue(column, out var value) || !Graph.Holds(value))
        {
            return false;
        }
        var output = Free(_variables, $"{column}.output");
        CreateNode("Identity", value, output, GetNodeName(output), "");
        Graph.AddOutput(output, Width(type), Element(type));
        return true;
    }

    public override string GetNodeName(string prefix) => Free(_nodes, prefix);

    public override bool IsVariableDefined(string variableName) => _variables.Contains(variableName);

    public override bool ContainsColumn(string colName) => _columns.ContainsKey(colName);

    public override string GetVariableName(string colName) => _read.GetValueOrDefault(colName) ?? _columns[colName];

    public override string AddIntermediateVariable(DataViewType? type, string colName, bool skip = false)
    {
        var name = Free(_variables, colName);
        if (_made is null || _made.Remove(colName))
        {
            _columns[colName] = name;
        }
        if (!skip && type is not null)
        {
            // As ML.NET's own context has it, -1 for the open number of rows.
            _shapes[name] = [-1, .. type is VectorDataViewType vector ? vector.Dimensions.Select(d => (long)d) : [1]];
        }
        return name;
    }

    public override List<long>? RetrieveShapeOrNull(string variableName) => _shapes.GetValueOrDefault(variableName);

    public override void RemoveColumn(string colName, bool removeVariable = false)
    {
        if (_columns.Remove(colName, out var variable) && removeVariable)
        {
            _shapes.Remove(variable);
        }
    }

    public override void RemoveVariable(string variableName, bool removeColumn)
    {
        if (_columns.FirstOrDefault(c => c.Value == variableName).Key is { } column)
        {
            _columns.Remove(column);
        }
        _variables.Remove(variableName);
        _shapes.Remove(variableName);
    }

    public override void RemoveInputVariable(string variableName)
    {
        var name = GetVariableName(variableName);
        RemoveVariable(name, true);
        Graph.RemoveInput(name);
    }

    public override void CheckOpSetVersion(int thisTransformerMinumumOpSetVersion, string registerTransformerName)
    {
        if (settings.Opset < thisTransformerMinumumOpSetVersion)
        {
            throw new OnnxExportException($"{registerTransformerName} needs opset {thisTransformerMinumumOpSetVersion}; {nameof(OnnxExportOptions)}.{nameof(OnnxExportOptions.Opset)} is {settings.Opset}.");
        }
    }

    public override OnnxVersion GetOnnxVersion() => OnnxVersion.Stable;

    /// <inheritdoc/>
    /// <remarks>Null, the default, is the domain of classical machine learning; that of the standard operators is empty.</remarks>
    public override OnnxNode CreateNode(string opType, IEnumerable<string> inputs, IEnumerable<string> outputs, string name, string? domain = null) =>
        new GraphNode(Graph.AddNode(opType, name, inputs, outputs, domain ?? OnnxModelBuilder.MLDomain));

    public override string AddInitializer(bool value, string? name = null, bool makeUniqueName = true) => AddWhole(OnnxType.Boolean, [value ? 1 : 0], [], name, makeUniqueName);

    public override string AddInitializer(float value, string? name = null, bool makeUniqueName = true) => Graph.AddInitializer(Reserve(name, OnnxType.Single, makeUniqueName), [value]);

    public override string AddInitializer(int value, Type type, string? name = null, bool makeUniqueName = true) => AddWhole(OnnxTypes.Of(type), [value], [], name, makeUniqueName);

    public override string AddInitializer(string value, string? name = null, bool makeUniqueName = true) => Graph.AddInitializer(Reserve(name, OnnxType.String, makeUniqueName), [value]);

    public override string AddInitializer(long value, string? name = null, bool makeUniqueName = true) => AddWhole(OnnxType.Int64, [value], [], name, makeUniqueName);

    public override string AddInitializer(double value, string? name = null, bool makeUniqueName = true) => Graph.AddInitializer(Reserve(name, OnnxType.Double, makeUniqueName), [value]);

    public override string AddInitializer(ulong value, bool isUint64, string? name = null, bool makeUniqueName = true) =>
        AddWhole(isUint64 ? OnnxType.UInt64 : OnnxType.UInt32, [unchecked((long)value)], [], name, makeUniqueName);

    public override string AddInitializer(IEnumerable<bool> values, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true) =>
        AddWhole(OnnxType.Boolean, values.Select(v => v ? 1L : 0), dims, name, makeUniqueName);

    public override string AddInitializer(IEnumerable<float> values, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true)
    {
        var all = values as float[] ?? values.ToArray();
        return Graph.AddInitializer(Reserve(name, OnnxType.Single, makeUniqueName), all, Shape(dims, all.Length));
    }

    public override string AddInitializer(IEnumerable<int> values, Type type, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true) =>
        AddWhole(OnnxTypes.Of(type), values.Select(v => (long)v), dims, name, makeUniqueName);

    public override string AddInitializer(IEnumerable<string> values, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true)
    {
        var all = values.ToList();
        return Graph.AddInitializer(Reserve(name, OnnxType.String, makeUniqueName), all, Shape(dims, all.Count));
    }

    public override string AddInitializer(IEnumerable<long> values, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true) => AddWhole(OnnxType.Int64, values, dims, name, makeUniqueName);

    public override string AddInitializer(IEnumerable<double> values, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true)
    {
        var all = values.ToArray();
        return Graph.AddInitializer(Reserve(name, OnnxType.Double, makeUniqueName), all, Shape(dims, all.Length));
    }

    public override string AddInitializer(IEnumerable<ulong> values, bool isUint64, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true) =>
        AddWhole(isUint64 ? OnnxType.UInt64 : OnnxType.UInt32, values.Select(v => unchecked((long)v)), dims, name, makeUniqueName);

    private string AddWhole(OnnxType type, IEnumerable<long> values, IEnumerable<long>? dims, string? name, bool makeUniqueName)
    {
        var all = values.ToArray();
        return Graph.AddInitializer(Reserve(name, type, makeUniqueName), type, all, Shape(dims, all.Length));
    }

    private string Reserve(string? name, OnnxType type, bool makeUniqueName)
    {
        name ??= type.ToString();
        if (makeUniqueName)
        {
            return Free(_variables, name);
        }
        _variables.Add(name);
        return name;
    }

    private static long[] Shape(IEnumerable<long>? dims, int count) => dims?.ToArray() ?? [count];

    private static int Width(DataViewType type) => type is VectorDataViewType vector ? vector.Size : 1;

    private static OnnxType Element(DataViewType type) => OnnxTypes.Of(type.GetItemType().RawType);

    /// <summary>Takes a name that is not taken: the one wished for, else the first of it with a number.</summary>
    private static string Free(HashSet<string> taken, string name)
    {
        var free = name;
        for (var i = 0; !taken.Add(free); i++)
        {
            free = FormattableString.Invariant($"{name}{i}");
        }
        return free;
    }
}
