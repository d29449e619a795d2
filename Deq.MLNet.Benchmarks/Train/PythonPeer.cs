using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Deq.MLNet.Benchmarks;

/// <summary>An eager PyTorch DEQ in a process of its own, where Debian's python3-torch is installed. It reads the problem from a file and times itself.</summary>
internal sealed class PythonPeer : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly string _data = Path.GetTempFileName();
    private readonly Problem _problem;

    public PythonPeer(Problem problem)
    {
        _problem = problem;
        using var file = File.Create(_data);
        foreach (var values in problem.Weights.Arrays.Select(a => a.Values.ToArray()).Append(problem.Data.Features).Append(problem.Data.Targets))
        {
            file.Write(MemoryMarshal.AsBytes<float>(values));
        }
    }

    /// <summary>What a process did in the second of two epochs.</summary>
    /// <param name="SamplesPerSecond">In that epoch.</param>
    /// <param name="Loss">The mean over its batches, each before its step.</param>
    /// <param name="Version">Of PyTorch.</param>
    public sealed record Outcome(double SamplesPerSecond, double Loss, string Version);

    /// <summary>PyTorch's version, OpenBLAS's kernel; null where PyTorch is not installed.</summary>
    public static string? Describe()
    {
        if (!File.Exists(Python))
        {
            return null;
        }
        var (code, output, error) = Start("-c", "import torch; torch.mm(torch.ones(2, 2), torch.ones(2, 2)); print(torch.__version__)");
        return code == 0 ? $"PyTorch {output.Trim()}, OpenBLAS {error.Split('\n').FirstOrDefault(l => l.StartsWith("Core:", StringComparison.Ordinal)) ?? "not found"}" : null;
    }

    /// <summary>Trains in a process.</summary>
    /// <param name="solver">picard or anderson.</param>
    public Outcome Run(string solver)
    {
        var (code, output, error) = Start(Path.Combine(AppContext.BaseDirectory, "peers", "eager_deq.py"), _data,
            "--size", Number(_problem.Size), "--features", Number(_problem.Data.FeatureCount), "--rows", Number(_problem.Data.Rows), "--batch", Number(Problem.BatchRows),
            "--max-iterations", Number(Problem.MaxIterations), "--tolerance", Number(Problem.Tolerance), "--learning-rate", Number(Problem.LearningRate), "--limit", Number(Problem.Limit), "--threads", "1", "--solver", solver);
        return code == 0
            ? JsonSerializer.Deserialize<Outcome>(output, Json)!
            : throw new InvalidOperationException($"The PyTorch peer ended with {code}: {error}");
    }

    public void Dispose() => File.Delete(_data);

    private static string Number(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    private static (int Code, string Output, string Error) Start(params IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        // The peer is to run the kernel that OpenBLAS itself takes for this processor, whatever this process was told.
        start.Environment.Remove("OPENBLAS_CORETYPE");
        start.Environment.Remove("OPENBLAS_L2_SIZE");
        start.Environment["OPENBLAS_VERBOSE"] = "2";
        // OpenBLAS has threads of its own, which PyTorch's number of threads does not reach.
        start.Environment["OPENBLAS_NUM_THREADS"] = "1";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
