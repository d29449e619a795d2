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

        var exact = fitted.Features.Select(row => InFloat64(fitted.Network, row)).ToArray();
        return (onnx.Zip(exact, (a, b) => Math.Abs(a - b)).Max() / exact.Max(Math.Abs), report.Steps);
    }

    /// <summary>The model is data: z = relu(W z + U x + b), iterated in float64 until it rests, then y = V z + c.</summary>
    private static double InFloat64(DeqNetwork network, float[] x)
    {
        var (d, n) = (network.StateSize, network.InputSize);
        var (w, u, b) = (network.W.ToArray(), network.U.ToArray(), network.B.ToArray());
        var injection = Enumerable.Range(0, d).Select(i => b[i] + Dot(u.AsSpan(i * n, n), [.. x])).ToArray();

        var z = new double[d];
        for (var change = 1.0; change > 1e-13;)
        {
            var next = Enumerable.Range(0, d).Select(i => Math.Max(0, injection[i] + Dot(w.AsSpan(i * d, d), z))).ToArray();
            change = next.Zip(z, (a, old) => Math.Abs(a - old)).Max() / Math.Max(1, next.Max());
            z = next;
        }
        return network.C.Span[0] + Dot(network.V.Span, z);
    }

    private static double Dot(ReadOnlySpan<float> weights, ReadOnlySpan<double> values)
    {
        var sum = 0.0;
        for (var i = 0; i < weights.Length; i++)
            sum += weights[i] * values[i];
        return sum;
    }
}
