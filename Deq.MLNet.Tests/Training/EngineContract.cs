using Deq.MLNet.Training;

namespace Deq.MLNet.Tests.Training;

/// <summary>What every engine must do, whatever it computes with.</summary>
internal static class EngineContract
{
    /// <summary>A step on the rows with these indices.</summary>
    public static void Step(this ITrainingEngine engine, int[] rows, double learningRate)
    {
        engine.Order(rows);
        engine.Step(0, rows.Length, learningRate);
    }

    /// <summary>A clip bounds the step of plain gradient descent, keeps its direction, and leaves small gradients alone.</summary>
    public static void GradientClip(Func<TrainingSettings, Network, ITrainingEngine> create)
    {
        var architecture = Setup.Fnn(5);
        var start = architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(1));
        double[] Step(double? clip)
        {
            using var engine = create(Setup.Settings(architecture) with { Optimizer = new Sgd(), GradientClip = clip }, start);
            engine.Attach(Setup.Noise(16, 3, 1, 2));
            engine.Step([.. Enumerable.Range(0, 16)], 1);
            return [.. engine.ToNetwork().Weights().Zip(start.Weights(), (a, b) => (double)a - b)];
        }

        var free = Step(null);
        var clipped = Step(0.05);

        Linear.Norm(free).Should().BeGreaterThan(0.1);
        Linear.Norm(clipped).Should().BeApproximately(0.05, 1e-5);
        Setup.RelativeDistance(clipped, [.. free.Select(v => v * 0.05 / Linear.Norm(free))]).Should().BeLessThan(1e-4);
        Step(1e6).Should().Equal(free);
    }

    /// <summary>The gradient under dropout is that of the masked network, by differences: a new engine with the same seed draws the same masks.</summary>
    /// <param name="create">Makes an engine.</param>
    /// <param name="gradient">The engine's gradient over some rows.</param>
    /// <param name="step">Of the differences.</param>
    /// <param name="allowed">Relative to the norm of the whole gradient.</param>
    public static void GradientUnderDropout<TEngine>(Func<TrainingSettings, Network, TEngine> create, Func<TEngine, int[], double[]> gradient, float step, double allowed) where TEngine : ITrainingEngine
    {
        var architecture = new FnnArchitecture([6, 5], Activation.Tanh, 0.4f);
        var rows = Setup.Noise(9, 3, 2, 5);
        var start = architecture.Initialize(3, 2, Link.Identity, new bool[3], new Random(2)).Weights();
        int[] all = [.. Enumerable.Range(0, 9)];
        TEngine At(float[] p)
        {
            var network = new FnnNetwork([new(p.AsMemory(0, 18), p.AsMemory(18, 6)), new(p.AsMemory(24, 30), p.AsMemory(54, 5)), new(p.AsMemory(59, 10), p.AsMemory(69, 2))], Activation.Tanh);
            var engine = create(Setup.Settings(architecture), network);
            engine.Attach(rows);
            return engine;
        }
        double Loss(float[] p)
        {
            using var engine = At(p);
            gradient(engine, all);
            return engine.ReadMetrics().Training.Loss;
        }
        var differences = start.Select((value, i) =>
        {
            var (up, down) = (value + step, value - step);
            return (Loss([.. start[..i], up, .. start[(i + 1)..]]) - Loss([.. start[..i], down, .. start[(i + 1)..]])) / ((double)up - down);
        }).ToArray();
        using var engine = At(start);

        Setup.RelativeDistance(gradient(engine, all), differences).Should().BeLessThan(allowed);
    }
}
