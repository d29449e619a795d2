using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch;

public sealed class TensorOptimizerTests
{
    private const int Size = 12;
    private const double Rate = 0.03;

    public static TheoryData<string, string, double> Cases()
    {
        var all = new TheoryData<string, string, double>();
        foreach (var device in TrainingDevices.Names)
        {
            foreach (var rule in new[] { "adam", "adamw", "sgd", "momentum" })
            {
                all.Add(device, rule, 0);
                all.Add(device, rule, 0.1);
            }
        }
        return all;
    }

    [Theory, AmongDevices]
    [MemberData(nameof(Cases))]
    public void Twenty_steps_are_those_of_the_published_rule(string device, string rule, double decay)
    {
        TorchBackend.EnsureAvailable(device);
        Optimizer options = rule switch { "adam" => new Adam(0.8f, 0.95f, 1e-6f), "adamw" => new AdamW(0.8f, 0.95f, 1e-6f), "sgd" => new Sgd(), _ => new Sgd(0.9f) };
        foreach (var (type, allowed) in new[] { (ScalarType.Float64, 1e-12), (ScalarType.Float32, 1e-5) })
        {
            using var scope = NewDisposeScope();
            using var parameters = new ParameterBuffer(TorchSharp.torch.device(device), type, [("weights", [Size])]);
            using var optimizer = TensorOptimizer.Create(options, parameters, decay);
            var random = new Random(3);
            var values = RandomCell.Values(random, Size, 1);
            parameters.Load("weights", values);
            var (expected, mean, square) = (Linear.ToDouble(values), new double[Size], new double[Size]);
            for (var step = 1; step <= 20; step++)
            {
                var gradients = RandomCell.Values(random, Size, Math.Pow(10, step % 4 - 2));
                using var host = tensor(gradients);
                parameters.Gradients.copy_(host);
                optimizer.Step(Rate * step);
                Reference(options, expected, Linear.ToDouble(gradients), mean, square, step, decay);
            }

            Setup.RelativeDistance(parameters.Values.to(ScalarType.Float64).cpu().data<double>().ToArray(), expected).Should().BeLessThan(allowed);
        }
    }

    [Fact]
    public void Moments_of_another_number_or_length_are_refused_and_change_nothing()
    {
        TorchBackend.EnsureAvailable("cpu");
        using var scope = NewDisposeScope();
        using var parameters = new ParameterBuffer(CPU, ScalarType.Float32, [("weights", [Size])]);
        using var optimizer = TensorOptimizer.Create(new Adam(), parameters, 0);
        var full = new float[Size];
        foreach (float[][] moments in new float[][][] { [], [full], [full, full, full], [full, new float[Size - 1]], [new float[2 * Size], full] })
        {
            FluentActions.Invoking(() => optimizer.Load(new OptimizerState(5, moments))).Should().Throw<ArgumentException>().WithMessage($"*this optimizer has 2 of {Size}*");
        }
        optimizer.Read().Steps.Should().Be(0);
        optimizer.Load(new OptimizerState(5, [full, full]));
        optimizer.Read().Steps.Should().Be(5);
    }

    /// <summary>Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2; the rate differs from step to step.</summary>
    private static void Reference(Optimizer options, double[] p, double[] g, double[] mean, double[] square, int step, double decay)
    {
        var rate = Rate * step;
        for (var i = 0; i < Size; i++)
        {
            if (options is Sgd sgd)
            {
                mean[i] = sgd.Momentum * mean[i] + g[i] + decay * p[i];
                p[i] -= rate * mean[i];
                continue;
            }
            var decoupled = options is AdamW;
            var adam = options as Adam ?? ((AdamW)options).Moments;
            var slope = g[i] + (decoupled ? 0 : decay * p[i]);
            mean[i] = adam.Beta1 * mean[i] + (1 - (double)adam.Beta1) * slope;
            square[i] = adam.Beta2 * square[i] + (1 - (double)adam.Beta2) * slope * slope;
            var unbiasedMean = mean[i] / (1 - Math.Pow(adam.Beta1, step));
            var unbiasedSquare = square[i] / (1 - Math.Pow(adam.Beta2, step));
            p[i] -= rate * (unbiasedMean / (Math.Sqrt(unbiasedSquare) + adam.Epsilon) + (decoupled ? decay * p[i] : 0));
        }
    }

    [Theory, OnDevices]
    public void GradientClip_bounds_the_step_keeps_its_direction_and_leaves_small_gradients_alone(string device)
    {
        TorchBackend.EnsureAvailable(device);
        EngineContract.GradientClip((settings, start) => new TorchEngine(settings, start, device));
    }

    [Theory, OnDevices]
    public void MaxWeightNorm_bounds_rows_and_biases_after_every_step(string device)
    {
        TorchBackend.EnsureAvailable(device);
        EngineContract.MaxWeightNorm((settings, start) => new TorchEngine(settings, start, device));
    }
}
