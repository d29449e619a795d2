using Deq.MLNet.Networks;
using Deq.MLNet.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Deq.MLNet.Tests.Onnx;

/// <summary>Random networks, their outputs in float64, and ONNX Runtime on one thread.</summary>
internal static class OnnxCases
{
    public static readonly IReadOnlyDictionary<string, string> NoMetadata = new Dictionary<string, string>();

    /// <summary>A network whose W has the spectral norm given, with its unroll curve measured on 200 rows.</summary>
    public static DeqNetwork RandomDeq(int seed, int d, double factor, Activation activation, Link link, int outputs = 1, int features = 3)
    {
        var network = new RandomCell(d, features, outputs, 0.9999 * factor / Phi.Lipschitz(activation), seed).Fill().Network(activation, link, rule: WellPosedness.Spectral((float)factor));
        var random = new Random(seed + 1);
        var rows = Enumerable.Range(0, 200).Select(_ => (ReadOnlyMemory<float>)Gaussian(random, features)).ToList();
        return network.WithCurves(Measure(network, rows)!);
    }

    /// <summary>The curve of plain iteration; null where the rows' equilibria are not found.</summary>
    public static UnrollCurve? Measure(DeqNetwork network, IReadOnlyList<ReadOnlyMemory<float>> rows, params IReadOnlyList<Readout> readouts) => new CurveMeasurement(network, rows, readouts).Of(OnnxForm.Unrolled);

    public static FnnNetwork RandomFnn(int seed, Activation activation, Link link, params int[] sizes) => new([.. RandomLayers.Of(new Random(seed), sizes)], activation, link);

    public static float[] Gaussian(Random random, int count) => RandomCell.Values(random, count, 1);

    /// <summary>The outputs of every row in float64.</summary>
    public static double[] Reference(Network network, float[] x) => [.. x.Chunk(network.InputSize).SelectMany(row => Float64.Evaluate(network, row))];

    /// <summary>A graph of one network, from Features (B, n) to Score (B, K), and more outputs where they are asked for.</summary>
    public static (byte[] Bytes, OnnxExportReport Report) Export(Network network, OnnxExportOptions? options = null, params (Readout, string)[] more) =>
        Export(network, "Features", "Score", options, NoMetadata, more);

    public static (byte[] Bytes, OnnxExportReport Report) Export(Network network, string input, string output, OnnxExportOptions? options, IReadOnlyDictionary<string, string> metadata, params (Readout, string)[] more)
    {
        var builder = new OnnxModelBuilder(OnnxExporter.GraphName(network), (options ??= new OnnxExportOptions()).Opset);
        var plan = OnnxExporter.Plan(network, options.Settings, null, [new Readout(network.Link)]);
        builder.AddInput(input, network.InputSize);
        NetworkGraph.Add(builder, input, plan, [(new Readout(network.Link), output), .. more]);
        foreach (var (_, name) in more.Prepend((default, output)))
        {
            builder.AddOutput(name, network.OutputSize);
        }
        return OnnxExporter.Finish(builder, [plan], metadata);
    }

    /// <summary>The scores of rows in ONNX Runtime.</summary>
    public static float[] Run(byte[] model, float[] x, int features)
    {
        using var session = Open(model);
        return Run(session, x, features);
    }

    public static float[] Run(InferenceSession session, float[] x, int features) => Run(session, "Features", x, features)["Score"];

    /// <summary>Every output for rows of features, by its name: a key as its number, a Boolean as 0 or 1.</summary>
    public static IReadOnlyDictionary<string, float[]> Run(InferenceSession session, string input, float[] x, int features)
    {
        using var rows = OrtValue.CreateTensorValueFromMemory(x, [x.Length / features, features]);
        using var options = new RunOptions();
        using var results = session.Run(options, [input], [rows], session.OutputNames);
        return session.OutputNames.Zip(results, (name, value) =>
        {
            var values = Numbers(value);
            value.GetTensorTypeAndShape().Shape.Should().Equal(x.Length / features, values.Length * features / x.Length);
            return (name, Values: values);
        }).ToDictionary(output => output.name, output => output.Values);
    }

    /// <summary>An output as numbers: a key as its number, a Boolean as 0 or 1.</summary>
    public static float[] Numbers(OrtValue value) => value.GetTensorTypeAndShape().ElementDataType switch
    {
        TensorElementType.Float => value.GetTensorDataAsSpan<float>().ToArray(),
        TensorElementType.UInt32 => [.. value.GetTensorDataAsSpan<uint>().ToArray().Select(key => (float)key)],
        TensorElementType.Bool => [.. value.GetTensorDataAsSpan<bool>().ToArray().Select(b => b ? 1f : 0)],
        var type => throw new NotSupportedException($"{type}"),
    };

    public static InferenceSession Open(byte[] model)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        return new InferenceSession(model, options);
    }
}
