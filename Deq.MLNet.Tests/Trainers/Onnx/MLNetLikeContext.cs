using Deq.MLNet.Trainers.Onnx;
using Microsoft.ML.Data;
using Microsoft.ML.Model.OnnxConverter;

namespace Deq.MLNet.Tests.Trainers.Onnx;

/// <summary>A context that is not this library's, with ML.NET's own trap: a constant or a value added under some name takes the place of the data column of that name.</summary>
internal sealed class MLNetLikeContext(GraphContext graph) : OnnxContext
{
    private readonly Dictionary<string, string> _columns = [];

    public override string AddIntermediateVariable(DataViewType? type, string colName, bool skip = false) => _columns[colName] = graph.AddIntermediateVariable(type, colName, skip);

    public override string AddInitializer(IEnumerable<float> values, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true) =>
        _columns[name!] = graph.AddInitializer(values, dims, name, makeUniqueName);

    public override string AddInitializer(long value, string? name = null, bool makeUniqueName = true) => _columns[name!] = graph.AddInitializer(value, name, makeUniqueName);

    public override bool ContainsColumn(string colName) => _columns.ContainsKey(colName);

    public override string GetVariableName(string colName) => _columns[colName];

    public override void RemoveColumn(string colName, bool removeVariable = false) => _columns.Remove(colName);

    public override bool IsVariableDefined(string variableName) => graph.IsVariableDefined(variableName);

    public override string GetNodeName(string prefix) => graph.GetNodeName(prefix);

    public override OnnxNode CreateNode(string opType, IEnumerable<string> inputs, IEnumerable<string> outputs, string name, string? domain = null) => graph.CreateNode(opType, inputs, outputs, name, domain);

    public override void CheckOpSetVersion(int thisTransformerMinumumOpSetVersion, string registerTransformerName) => graph.CheckOpSetVersion(thisTransformerMinumumOpSetVersion, registerTransformerName);

    public override OnnxVersion GetOnnxVersion() => throw new NotSupportedException();

    public override List<long> RetrieveShapeOrNull(string variableName) => throw new NotSupportedException();

    public override void RemoveVariable(string variableName, bool removeColumn) => throw new NotSupportedException();

    public override void RemoveInputVariable(string variableName) => throw new NotSupportedException();

    public override string AddInitializer(bool value, string? name = null, bool makeUniqueName = true) => throw new NotSupportedException();

    public override string AddInitializer(float value, string? name = null, bool makeUniqueName = true) => throw new NotSupportedException();

    public override string AddInitializer(int value, Type type, string? name = null, bool makeUniqueName = true) => throw new NotSupportedException();

    public override string AddInitializer(string value, string? name = null, bool makeUniqueName = true) => throw new NotSupportedException();

    public override string AddInitializer(double value, string? name = null, bool makeUniqueName = true) => throw new NotSupportedException();

    public override string AddInitializer(ulong value, bool isUint64, string? name = null, bool makeUniqueName = true) => throw new NotSupportedException();

    public override string AddInitializer(IEnumerable<bool> values, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true) => throw new NotSupportedException();

    public override string AddInitializer(IEnumerable<int> values, Type type, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true) => throw new NotSupportedException();

    public override string AddInitializer(IEnumerable<string> values, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true) => throw new NotSupportedException();

    public override string AddInitializer(IEnumerable<long> values, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true) => throw new NotSupportedException();

    public override string AddInitializer(IEnumerable<double> values, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true) => throw new NotSupportedException();

    public override string AddInitializer(IEnumerable<ulong> values, bool isUint64, IEnumerable<long>? dims, string? name = null, bool makeUniqueName = true) => throw new NotSupportedException();
}
