using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Deq.MLNet.Samples.Commands;

/// <summary>Scores penguins by an ONNX file. All that an app needs for it is ONNX Runtime (the namespace's name notwithstanding, none of ML.NET) and the columns by name, numbers and texts.</summary>
internal sealed class PenguinSession(string path) : IDisposable
{
    private readonly InferenceSession _session = new(path);

    /// <summary>Scores B rows.</summary>
    /// <param name="columns">A float[] or string[] of B values for each input of the file. A number that is not known is NaN, a text empty.</param>
    /// <returns>The probabilities of the classes of each row, and the likeliest by name.</returns>
    public (float[][] Probabilities, string[] Species) Score(IReadOnlyDictionary<string, Array> columns)
    {
        var inputs = _session.InputNames.Select(name => columns[name] switch
        {
            float[] numbers => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<float>(numbers, [numbers.Length, 1])),
            string[] texts => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<string>(texts, [texts.Length, 1])),
            var other => throw new NotSupportedException($"{other.GetType()}"),
        }).ToList();
        using var outputs = _session.Run(inputs, ["Score.output", "Prediction.output"]);
        var (scores, species) = (outputs[0].AsTensor<float>(), outputs[1].AsEnumerable<string>().ToArray());
        return ([.. scores.Chunk(scores.Dimensions[1])], species);
    }

    public void Dispose() => _session.Dispose();
}
