using Deq.MLNet.Networks;
using Deq.MLNet.Numerics;
using Deq.MLNet.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Deq.MLNet.Tests.Onnx;

/// <summary>Random networks, their outputs in float64, and ONNX Runtime on one thread.</summary>
internal static class OnnxCases
{
    public static readonly IReadOnlyDictionary<string, string> NoMetadata = new Dictionary<string, string>();

    /// <summary>A network whose W has the spectral norm given, with its unroll curve measured on 200 rows.</summary>
    public static DeqNetwork RandomDeq(int seed, int d, double factor, Activation activation, Link link, int outputs = 1, int features = 3)
    {
        var random = new Random(seed);
        var w = Gaussian(random, d * d);
        var shrink = factor / SpectralNorm.Of(w, d) * 0.9999;
        var network = new DeqNetwork(w.Select(v => (float)(v * shrink)).ToArray(), Gaussian(random, d * features), Gaussian(random, d),
            Gaussian(random, outputs * d).Select(v => v / (float)Math.Sqrt(d)).ToArray(), Gaussian(random, outputs), activation, link, WellPosedness.Spectral((float)factor));
        var rows = Enumerable.Range(0, 200).Select(_ => (ReadOnlyMemory<float>)Gaussian(random, features)).ToList();
        return network.WithUnroll(UnrollCurve.Measure(network, rows)!);
    }

    public static FnnNetwork RandomFnn(int seed, Activation activation, Link link, params int[] sizes)
    {
        var random = new Random(seed);
        return new FnnNetwork([.. sizes.Zip(sizes.Skip(1), (i, o) => new DenseLayer(Gaussian(random, i * o), Gaussian(random, o)))], activation, link);
    }

    public static float[] Gaussian(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];

    /// <summary>The outputs of every row in float64: plain loops, 700 plain steps for a DEQ, nothing shared with the library.</summary>
    public static double[] Reference(Network network, float[] x)
    {
        var n = network.InputSize;
        return [.. Enumerable.Range(0, x.Length / n).SelectMany(r => Apply(network.Link, ReferenceAffine(network, x.AsSpan(r * n, n))))];
    }

    /// <summary>The outputs of one row before the link.</summary>
    public static double[] ReferenceAffine(Network network, ReadOnlySpan<float> x)
    {
        double Phi(double v) => network.Activation == Activation.ReLU ? Math.Max(v, 0) : Math.Tanh(v);
        double[] y;
        if (network is DeqNetwork deq)
        {
            var injection = Affine(deq.U.Span, Widen(x), deq.B.Span);
            var z = new double[deq.StateSize];
            for (var k = 0; k < 700; k++)
            {
                z = [.. Affine(deq.W.Span, z, new float[z.Length]).Zip(injection, (a, b) => Phi(a + b))];
            }
            y = Affine(deq.V.Span, z, deq.C.Span);
        }
        else
        {
            y = Widen(x);
            var layers = ((FnnNetwork)network).Layers;
            for (var i = 0; i < layers.Count; i++)
            {
                y = Affine(layers[i].Weights.Span, y, layers[i].Bias.Span);
                y = i < layers.Count - 1 ? [.. y.Select(Phi)] : y;
            }
        }
        return y;
    }

    private static double[] Apply(Link link, double[] y) => link switch
    {
        Link.Exp => [.. y.Select(Math.Exp)],
        Link.Logistic => [.. y.Select(v => 1 / (1 + Math.Exp(-v)))],
        Link.Softmax => [.. y.Select(v => 1 / y.Sum(other => Math.Exp(other - v)))],
        _ => y,
    };

    private static double[] Widen(ReadOnlySpan<float> x) => [.. x.ToArray().Select(v => (double)v)];

    private static double[] Affine(ReadOnlySpan<float> a, double[] x, ReadOnlySpan<float> b)
    {
        var y = new double[b.Length];
        for (var i = 0; i < y.Length; i++)
        {
            y[i] = b[i];
            for (var j = 0; j < x.Length; j++)
            {
                y[i] += a[i * x.Length + j] * x[j];
            }
        }
        return y;
    }

    /// <summary>A graph of one network, from Features (B, n) to Score (B, K), and more outputs where they are asked for.</summary>
    public static (byte[] Bytes, OnnxExportReport Report) Export(Network network, OnnxExportOptions? options = null, params (Readout, string)[] more) =>
        Export(network, "Features", "Score", options, NoMetadata, more);

    public static (byte[] Bytes, OnnxExportReport Report) Export(Network network, string input, string output, OnnxExportOptions? options, IReadOnlyDictionary<string, string> metadata, params (Readout, string)[] more)
    {
        var builder = new OnnxModelBuilder(OnnxExporter.GraphName(network), (options ??= new OnnxExportOptions()).Opset);
        var steps = OnnxExporter.Steps(network, options);
        builder.AddInput(input, network.InputSize);
        NetworkGraph.Add(builder, network, input, steps, [(new Readout(network.Link), output), .. more]);
        foreach (var (_, name) in more.Prepend((default, output)))
        {
            builder.AddOutput(name, network.OutputSize);
        }
        return OnnxExporter.Finish(builder, network, steps, input, metadata);
    }

    /// <summary>Scores rows in ONNX Runtime.</summary>
    public static float[] Run(byte[] model, float[] x, int features)
    {
        using var session = Open(model);
        return Run(session, x, features);
    }

    public static float[] Run(InferenceSession session, float[] x, int features)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(x, [x.Length / features, features]);
        using var options = new RunOptions();
        using var results = session.Run(options, ["Features"], [input], ["Score"]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }

    public static InferenceSession Open(byte[] model)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        return new InferenceSession(model, options);
    }
}
