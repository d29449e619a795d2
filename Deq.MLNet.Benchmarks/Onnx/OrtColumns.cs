using Deq.MLNet.Tests.Onnx;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Deq.MLNet.Benchmarks;

/// <summary>The columns of some data as ONNX Runtime takes them, (B, n) each, made when a file first asks for them.</summary>
internal sealed class OrtColumns(IDataView data) : IDisposable
{
    private readonly Dictionary<string, OrtValue> _columns = [];

    /// <summary>Every output of a file that is no text: a key as its number, a Boolean as 0 or 1.</summary>
    public IReadOnlyDictionary<string, float[]> Run(byte[] model)
    {
        using var session = OnnxCases.Open(model);
        var outputs = session.OutputMetadata.Where(o => o.Value.ElementDataType != TensorElementType.String).Select(o => o.Key).ToList();
        using var options = new RunOptions();
        using var results = session.Run(options, session.InputNames, session.InputNames.Select(Column).ToList(), outputs);
        return outputs.Zip(results).ToDictionary(o => o.First, o => OnnxCases.Numbers(o.Second));
    }

    private OrtValue Column(string name)
    {
        if (!_columns.TryGetValue(name, out var value))
        {
            _columns[name] = value = Make(data.Schema[name]);
        }
        return value;
    }

    private OrtValue Make(DataViewSchema.Column column) => column.Type switch
    {
        TextDataViewType => Texts([.. data.GetColumn<string>(column)]),
        VectorDataViewType { Size: var n } => Numbers([.. data.GetColumn<float[]>(column).SelectMany(row => row)], n),
        _ => Numbers([.. data.GetColumn<float>(column)], 1),
    };

    private static OrtValue Texts(string[] values) => OrtValue.CreateFromStringTensor(new DenseTensor<string>(values, [values.Length, 1]));

    private static OrtValue Numbers(float[] values, int width) => OrtValue.CreateTensorValueFromMemory(values, [values.Length / width, width]);

    public void Dispose()
    {
        foreach (var value in _columns.Values)
        {
            value.Dispose();
        }
    }
}
