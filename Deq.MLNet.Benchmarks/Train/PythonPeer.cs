using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Deq.MLNet.Benchmarks;

/// <summary>How the PyTorch DEQ trains.</summary>
/// <param name="Solver">picard or anderson.</param>
/// <param name="TestEvery">Iterations between two tests of the residual.</param>
/// <param name="Device">cpu or cuda:N.</param>
/// <param name="Precision">float32 or tf32: of products on a CUDA device.</param>
internal sealed record PeerVariant(string Solver, int TestEvery = 1, string Device = "cpu", string Precision = "float32")
{
    public string Name => TestEvery == 1 ? Solver : $"{Solver}, a test every {TestEvery} iterations";
}

/// <summary>The eager PyTorch DEQ of eng/gpu/peer.py in a process of its own, wherever a Python has PyTorch. It stays alive, reads problems from files, and times itself.</summary>
internal sealed class PythonPeer : IDisposable
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static readonly Lazy<(string Python, string Version)?> Installed = new(Find);

    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly string _data = Path.GetTempFileName();
    private readonly int _threads;
    private Problem? _problem;

    /// <summary>Starts it; there must be a <see cref="Version"/>.</summary>
    /// <param name="threads">On the CPU.</param>
    public PythonPeer(int threads)
    {
        _threads = threads;
        _process = Process.Start(WithRedirection(Installed.Value!.Value.Python, threads, Path.Combine(AppContext.BaseDirectory, "peers", "peer.py")))!;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                _errors.AppendLine(line.Data);
            }
        };
        _process.BeginErrorReadLine();
    }

    /// <summary>PyTorch's version, the CUDA that it is built for, and OpenBLAS's kernel where it has one; null where no Python has PyTorch.</summary>
    public static string? Version => Installed.Value?.Version;

    /// <summary>What the process did in an epoch.</summary>
    /// <param name="Seconds">Of that epoch, until the device had done it.</param>
    /// <param name="Samples">In it.</param>
    /// <param name="Loss">The mean over its batches, each before its step.</param>
    /// <param name="ForwardIterations">Mean over batches.</param>
    /// <param name="AdjointIterations">Mean over batches.</param>
    /// <param name="Residual">Relative, of the batch as a whole, where the last solves ended: the larger one of forward and adjoint.</param>
    public sealed record Outcome(double Seconds, int Samples, double Loss, double ForwardIterations, double AdjointIterations, double Residual)
    {
        /// <summary>Why there is nothing of it; else null.</summary>
        public string? Error { get; init; }

        public double SamplesPerSecond => Samples / Seconds;
    }

    /// <summary>Trains for an epoch; of a problem that was not the last one, or in another way, for an untimed one before.</summary>
    /// <exception cref="InvalidOperationException">It cannot; the message says why.</exception>
    public Outcome Epoch(Problem problem, PeerVariant variant)
    {
        if (_problem != problem)
        {
            Write(problem);
        }
        Send(string.Create(CultureInfo.InvariantCulture,
            $"epoch '{_data}' --size {problem.Size} --features {problem.Data.FeatureCount} --rows {problem.Data.Rows} --batch {problem.BatchRows} --max-iterations {Problem.MaxIterations} --tolerance {Problem.Tolerance} --learning-rate {Problem.LearningRate} --limit {Problem.Limit} --epochs-from-start {Problem.EpochsFromStart} --threads {_threads} --solver {variant.Solver} --test-every {variant.TestEvery} --device {variant.Device} --precision {variant.Precision}"));
        if (_process.StandardOutput.ReadLine() is not { } line)
        {
            _process.WaitForExit();
            throw new InvalidOperationException($"The PyTorch peer ended with {_process.ExitCode}: {_errors}");
        }
        var outcome = JsonSerializer.Deserialize<Outcome>(line, Json)!;
        return outcome.Error is null ? outcome : throw new InvalidOperationException(outcome.Error);
    }

    /// <summary>Gives back the memory that it holds for the last problem.</summary>
    public void Forget()
    {
        _problem = null;
        Send("forget");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Send("quit");
            _process.WaitForExit();
        }
        _process.Dispose();
        File.Delete(_data);
    }

    private void Send(string line)
    {
        try
        {
            _process.StandardInput.WriteLine(line);
        }
        catch (IOException)
        {
            // It has ended: that no answer comes tells.
        }
    }

    private void Write(Problem problem)
    {
        Forget();
        using var file = File.Create(_data);
        foreach (var values in problem.Weights.Arrays.Select(a => a.Values.ToArray()).Append(problem.Data.Features).Append(problem.Data.Targets))
        {
            file.Write(MemoryMarshal.AsBytes<float>(values));
        }
        _problem = problem;
    }

    /// <summary>The first Python that can import PyTorch: what DEQ_PYTHON names, Debian's, the first on the path.</summary>
    private static (string Python, string Version)? Find()
    {
        var named = Environment.GetEnvironmentVariable("DEQ_PYTHON");
        foreach (var python in named is { Length: > 0 } ? [named] : new[] { "/usr/bin/python3", "python3" })
        {
            try
            {
                using var process = Process.Start(WithRedirection(python, 1, "-c", "import torch; torch.mm(torch.ones(2, 2), torch.ones(2, 2)); print(torch.__version__ + (f', CUDA {torch.version.cuda}' if torch.version.cuda else ', without CUDA'))"))!;
                process.StandardInput.Close();
                var error = process.StandardError.ReadToEndAsync();
                var output = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                if (process.ExitCode == 0)
                {
                    var core = error.Result.Split('\n').FirstOrDefault(l => l.StartsWith("Core:", StringComparison.Ordinal));
                    return (python, $"PyTorch {output.Trim()}{(core is null ? "" : $", OpenBLAS {core.Trim()}")}");
                }
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // There is no such program.
            }
        }
        return null;
    }

    private static ProcessStartInfo WithRedirection(string python, int threads, params IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(python, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        // The peer is to run the kernel that OpenBLAS itself takes for this processor, whatever this process was told.
        start.Environment.Remove("OPENBLAS_CORETYPE");
        start.Environment.Remove("OPENBLAS_L2_SIZE");
        start.Environment["OPENBLAS_VERBOSE"] = "2";
        // OpenBLAS has threads of its own, which PyTorch's number of threads does not reach.
        start.Environment["OPENBLAS_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        return start;
    }
}
