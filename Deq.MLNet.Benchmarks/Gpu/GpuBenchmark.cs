using System.Diagnostics;
using System.Globalization;

namespace Deq.MLNet.Benchmarks;

/// <summary>
/// Training on a CUDA device, or on the CPU by the code of one: samples a second and where the time goes, the share of what the device's products take alone, an eager PyTorch DEQ
/// and this machine's processor in turn with it, how often a solve should be tested, whether several models at once would pay, and whether it is right.
/// </summary>
internal static class GpuBenchmark
{
    private const string Usage = "usage: gpu [--quick] [--device cpu|cuda|cuda:N] [--sizes 128,512,2048] [--batches 256,4096,65536] [--out DIR]";

    /// <summary>W and the rows of some batches must fit in an array.</summary>
    private const int LargestSize = 1 << 14, LargestBatch = 1 << 22;

    private static readonly int[] Sizes = [128, 512, 2048], Batches = [256, 4096, 65536];

    /// <summary>Runs the command.</summary>
    /// <param name="arguments">Those after its name.</param>
    /// <returns>The exit code: 0; 1 where numbers that must agree do not, or a part broke off; 2 where the arguments, the device or the folder are not to be had.</returns>
    public static int Run(IReadOnlyList<string> arguments)
    {
        Options options;
        MeasuredDevice device;
        Tee? file;
        try
        {
            options = Options.Parse(arguments);
            device = MeasuredDevice.Open(options.Device, options.IsQuick);
            file = options.Out is { } folder ? Tee.To(Path.Combine(folder, "gpu.md")) : null;
        }
        catch (Exception e) when (e is ArgumentException or TorchBackendException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(e is ArgumentException ? $"{e.Message}\n{Usage}" : e.Message);
            return 2;
        }
        using (file)
        {
            Console.WriteLine(device.Description);
            Console.WriteLine(Machine.DescribeTorch());
            Console.WriteLine(Report.Text($"Tolerance {Problem.Tolerance}, ReLU, Adam, a spectral rule"));
            return Run(options, device);
        }
    }

    private static int Run(Options options, MeasuredDevice device)
    {
        var (report, watch) = (new Report(), Stopwatch.StartNew());
        var cases = options.Cases(device);
        Correctness.Check(device, report);
        using (var steps = new TrainingSteps(device, report))
        {
            foreach (var (size, batch) in cases)
            {
                report.Try($"{size} states, batch {batch}", () => steps.Measure(device.Problem(size, batch)));
                Console.WriteLine(Report.Text($"\n{watch.Elapsed.TotalSeconds:F0} s so far"));
            }
            steps.Conclude();
        }
        foreach (var (size, batch) in new[] { (128, 256), (512, 4096) }.Where(c => !options.IsQuick || MeasuredDevice.Work(c.Item1, c.Item2) <= MeasuredDevice.LargestQuick))
        {
            report.Try($"test intervals, {size} states, batch {batch}", () => TestIntervals.Measure(device.Problem(size, batch), device, report));
        }
        report.Try("several models at once", () => ManyModels.Measure(device, report));
        Console.WriteLine(Report.Text($"\n{watch.Elapsed.TotalSeconds:F0} s in all"));
        return report.Finish("gpu_");
    }

    /// <summary>What the command was asked for; null stands for the default.</summary>
    private sealed record Options(bool IsQuick, string? Device, int[]? Sizes, int[]? Batches, string? Out)
    {
        public static Options Parse(IReadOnlyList<string> arguments)
        {
            var options = new Options(false, null, null, null, null);
            for (var i = 0; i < arguments.Count; i++)
            {
                options = arguments[i] switch
                {
                    "--quick" => options with { IsQuick = true },
                    "--device" => options with { Device = Value() },
                    "--sizes" => options with { Sizes = Numbers(LargestSize) },
                    "--batches" => options with { Batches = Numbers(LargestBatch) },
                    "--out" => options with { Out = Value() },
                    _ => throw new ArgumentException($"\"{arguments[i]}\" is no option."),
                };

                string Value() => ++i < arguments.Count ? arguments[i] : throw new ArgumentException($"{arguments[i - 1]} needs a value.");
                int[] Numbers(int most) => [.. Value().Split(',').Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= most
                    ? number : throw new ArgumentException($"\"{text}\" is no number from 1 to {most}."))];
            }
            return options;
        }

        /// <summary>Sizes and batches to measure; says what is left out.</summary>
        public List<(int Size, int Batch)> Cases(MeasuredDevice device)
        {
            List<(int Size, int Batch)> all = [.. from size in Sizes ?? GpuBenchmark.Sizes from batch in Batches ?? GpuBenchmark.Batches select (size, batch)];
            var most = IsQuick ? MeasuredDevice.LargestQuick : device.IsCuda || Sizes is not null && Batches is not null ? long.MaxValue : MeasuredDevice.LargestOnCpu;
            var left = all.Where(c => MeasuredDevice.Work(c.Size, c.Batch) > most).ToList();
            if (left.Count > 0)
            {
                Console.WriteLine($"Left out, since a step takes too long {(IsQuick ? "for --quick" : "on a CPU unless both --sizes and --batches ask for it")}: {string.Join("; ", left.Select(c => $"{c.Size} states, batch {c.Batch}"))}");
            }
            return [.. all.Except(left)];
        }
    }
}
