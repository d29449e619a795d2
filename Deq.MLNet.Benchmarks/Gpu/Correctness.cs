using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>Gradients of whole batches against float64, and losses of a training against the CPU's.</summary>
internal static class Correctness
{
    /// <summary>What is compared with the independent reference, whose time grows with d³ for every row.</summary>
    private const int ReferencedSize = 32;

    private const double ReferenceBound = 1e-6;

    private const int CurveSize = 128, CurveBatches = 8, CurveEpochs = 10;

    private const double CurveRate = 1e-3;

    /// <summary>The largest relative error of a gradient, and difference of a loss: two engines on the CPU differ by 4e-4 of a loss, and operands rounded to TensorFloat32 by 2^-12.</summary>
    private static (double Gradient, double Loss) Bounds(MatmulPrecision precision) => precision == MatmulPrecision.Float32 ? (1e-4, 2e-3) : (1e-2, 1e-2);

    public static void Check(MeasuredDevice device, Report report)
    {
        report.Try("gradients", () => Gradients(device, report));
        report.Try("losses by epoch", () => Curves(device, report));
    }

    /// <summary>The largest ||gradient - exact|| / ||exact||.</summary>
    private static void Gradients(MeasuredDevice device, Report report)
    {
        var worst = device.Precisions.ToDictionary(precision => precision, _ => 0.0);
        var rows = new List<string[]>();
        (int Size, int Batch)[] cases = device.IsQuick ? [(ReferencedSize, 256), (128, 256)] : device.IsCuda ? [(ReferencedSize, 256), (128, 4096), (512, 4096), (2048, 256)] : [(ReferencedSize, 256), (128, 4096), (512, 256)];
        foreach (var (size, batch) in cases)
        {
            var problem = device.Problem(size, batch);
            var exact = Gradient(problem, device, MatmulPrecision.Float32, ScalarType.Float64);
            if (size == ReferencedSize)
            {
                var (_, gradient) = problem.Reference();
                var difference = Linear.Distance(exact, gradient) / Linear.Norm(gradient);
                report.Figure("gpu_gradient_error_reference", difference, Report.Text($"relative: the engine in float64, {size} states, against the implicit function theorem by LU, which shares no code with it; bound {ReferenceBound}"));
                report.Check(difference <= ReferenceBound, $"gradient in float64 on {device.Name}, {size} states: {difference:E2} from that of the implicit function theorem by LU");
            }
            foreach (var precision in device.Precisions)
            {
                var error = Linear.Distance(Gradient(problem, device, precision, ScalarType.Float32), exact) / Linear.Norm(exact);
                worst[precision] = Math.Max(worst[precision], error);
                rows.Add([$"{size}", $"{batch}", $"{precision}", Report.Text($"{error:E1}")]);
            }
        }
        Report.Table($"Gradient of a batch, tolerance {Problem.Tolerance}, against the same engine in float64 at 1e-8", ["states", "batch", "precision", "relative error"], rows);
        foreach (var (precision, error) in worst)
        {
            var bound = Bounds(precision).Gradient;
            report.Figure($"gpu_gradient_error{MeasuredDevice.Suffix(precision)}", error, Report.Text($"relative, of the worst case: the engine in float32, products {precision}, against itself in float64; bound {bound}"));
            report.Check(error <= bound, $"gradient on {device.Name}, {precision}: {error:E2} off, more than {bound}");
        }
    }

    private static double[] Gradient(Problem problem, MeasuredDevice device, MatmulPrecision precision, ScalarType type)
    {
        var settings = MeasuredDevice.Settings(problem, precision);
        var architecture = (DeqArchitecture)settings.Architecture;
        if (type == ScalarType.Float64)
        {
            architecture = architecture with { Tolerance = new Tolerance(1e-8), MaxIterations = 1_000 };
        }
        using var engine = new TorchEngine(settings with { Architecture = architecture }, problem.Network(), device.Place(type));
        engine.Attach(problem.Data);
        return engine.Gradient(problem.Order[..problem.BatchRows]);
    }

    /// <summary>The largest difference of an epoch's loss from the CPU's, same seed and order of rows.</summary>
    private static void Curves(MeasuredDevice device, Report report)
    {
        var problem = new Problem(CurveSize, hard: false, CurveBatches * Problem.DefaultBatchRows);
        var simd = Curve(problem, EngineSteps.Simd, MatmulPrecision.Float32);
        var cpu = Curve(problem, EngineSteps.Torch, MatmulPrecision.Float32);
        var own = device.Precisions.ToDictionary(precision => precision, precision => Curve(problem, device.Engine(), precision));
        report.Check(simd.Losses[^1] < simd.Losses[0] / 2, $"a training that should get somewhere: loss {simd.Losses[0]:G4}, then {simd.Losses[^1]:G4}");
        Report.Table($"Loss by epoch, {CurveSize} states, learning rate {CurveRate}", ["way", .. Enumerable.Range(1, CurveEpochs).Select(epoch => $"{epoch}"), "iterations forward"],
            new[] { ("SimdEngine", simd), ("TorchEngine, cpu", cpu) }.Concat(own.Select(o => ($"TorchEngine, {device.Name}, {o.Key}", o.Value)))
            .Select(way => new[] { way.Item1 }.Concat(way.Item2.Losses.Select(loss => Report.Text($"{loss:G5}"))).Append(Report.Text($"{way.Item2.Iterations:F1}")).ToArray()));
        foreach (var (precision, (losses, _)) in own)
        {
            var (difference, bound) = (Math.Max(Difference(losses, simd.Losses), Difference(losses, cpu.Losses)), Bounds(precision).Loss);
            report.Figure($"gpu_loss_curve_difference{MeasuredDevice.Suffix(precision)}", difference, Report.Text($"relative, over {CurveEpochs} epochs; bound {bound}"));
            report.Check(difference <= bound, $"losses on {device.Name}, {precision}: {difference:E2} off, more than {bound}");
        }

        static double Difference(double[] losses, double[] than) => losses.Zip(than, (a, b) => Math.Abs(a / b - 1)).Max();
    }

    private static (double[] Losses, double Iterations) Curve(Problem problem, CreateEngine create, MatmulPrecision precision)
    {
        var settings = MeasuredDevice.Settings(problem, precision) with { Epochs = CurveEpochs, LearningRate = CurveRate };
        using var engine = create(settings, problem.Network());
        var epochs = new TrainingLoop(settings, 1, new Unmonitored()).Run(engine, problem.Data, null).Epochs;
        return ([.. epochs.Select(epoch => epoch.TrainingLoss)], epochs.Average(epoch => epoch.MeanIterations));
    }

    private sealed class Unmonitored : ITrainingMonitor
    {
        public void CheckCancelled() { }

        public void EpochDone(TrainingEpoch epoch) { }

        public void Info(string message) { }

        public void Warn(string message) => Console.WriteLine(message);
    }
}
