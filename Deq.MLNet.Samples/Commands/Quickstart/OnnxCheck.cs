using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Deq.MLNet.Samples.Commands;

/// <summary>Exports the network as ONNX, scores the test rows with ONNX Runtime, and compares with the equilibrium in float64.</summary>
internal static class OnnxCheck
{
    /// <returns>max |ONNX - y| / max |y| over the test rows, and the steps of the unrolled equilibrium.</returns>
    public static (double RelativeMaxDifference, int Steps) Run(MLContext ml, FittedModel fitted, string path)
    {
        var report = ml.Model.SaveOnnx(fitted.Pipeline, fitted.TestRows.Schema, path);

        // The graph takes what reaches the network: the features after the pipeline's other transforms.
        var input = new DenseTensor<float>(fitted.Features.SelectMany(row => row).ToArray(), [fitted.Features.Length, fitted.Network.InputSize]);
        using var session = new InferenceSession(path);
        using var outputs = session.Run([NamedOnnxValue.CreateFromTensor(report.InputNames[0], input)]);
        var onnx = outputs.Single(output => output.Name == "Score.output").AsEnumerable<float>();

        var reference = new Float64Network(fitted.Network);
        var exact = fitted.Features.Select(row => reference.Affine(row)[0]).ToArray();
        return (onnx.Zip(exact, (a, b) => Math.Abs(a - b)).Max() / exact.Max(Math.Abs), report.Steps);
    }
}
