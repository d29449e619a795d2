using Deq.MLNet.Tests.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Deq.MLNet.Benchmarks;

/// <summary>ONNX Runtime on a network that is unrolled by this library's exporter: a fixed number of rows a call, memory bound once.</summary>
internal sealed class OrtScorer : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly OrtValue _input, _output;

    /// <summary>Makes a session.</summary>
    /// <param name="network">One output.</param>
    /// <param name="steps">Steps of plain iteration.</param>
    /// <param name="rows">Rows of a call.</param>
    /// <param name="threads">Of the session.</param>
    public OrtScorer(DeqNetwork network, int steps, int rows, int threads) : this(OnnxCases.Export(network, new OnnxExportOptions { Steps = steps }).Bytes, network.InputSize, rows, threads) { }

    public OrtScorer(byte[] model, int features, int rows, int threads)
    {
        using var options = new SessionOptions { IntraOpNumThreads = threads, InterOpNumThreads = 1 };
        _session = new InferenceSession(model, options);
        (Features, Scores) = (new float[rows * features], new float[rows]);
        _input = OrtValue.CreateTensorValueFromMemory(Features, [rows, features]);
        _output = OrtValue.CreateTensorValueFromMemory(Scores, [rows, 1]);
    }

    /// <summary>Read by <see cref="Run"/>.</summary>
    public float[] Features { get; }

    /// <summary>Written by <see cref="Run"/>.</summary>
    public float[] Scores { get; }

    public void Run() => _session.Run(_run, _session.InputNames, [_input], _session.OutputNames, [_output]);

    public void Dispose()
    {
        _input.Dispose();
        _output.Dispose();
        _run.Dispose();
        _session.Dispose();
    }
}
