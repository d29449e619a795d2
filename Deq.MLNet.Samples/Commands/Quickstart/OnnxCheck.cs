using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Deq.MLNet.Samples.Commands;

/// <summary>Exports the pipeline as ONNX, scores the test rows with ONNX Runtime, and compares with the network's equilibrium in float64.</summary>
internal static class OnnxCheck
{
    /// <returns>max |ONNX - y| / max |y| over the test rows, and the steps of the unrolled equilibrium.</returns>
    public static (double RelativeMaxDifference, int Steps) Run(MLContext ml, FittedModel fitted, string path)
    {
        var report = ml.Model.SaveOnnx(fitted.Pipeline, fitted.TestRows.Schema, path);

        // The file holds the whole pipeline: it takes the data's columns by name, (B, 1) each.
        var inputs = report.InputNames.Select(name =>
        {
            var values = fitted.TestRows.GetColumn<float>(name).ToArray();
            return NamedOnnxValue.CreateFromTensor(name, new DenseTensor<float>(values, [values.Length, 1]));
        }).ToList();
        using var session = new InferenceSession(path);
        using var outputs = session.Run(inputs);
        var onnx = outputs.Single(output => output.Name == "Score.output").AsEnumerable<float>();

        var exact = fitted.Features.Select(row => fitted.Network.EvaluateFloat64(row)[0]).ToArray();
        return (onnx.Zip(exact, (a, b) => Math.Abs(a - b)).Max() / exact.Max(Math.Abs), report.Steps);
    }
}
