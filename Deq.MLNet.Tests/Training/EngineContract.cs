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

    /// <summary>After a step no row of a layer's weights has a sum of magnitudes above the limit, nor has a bias a magnitude above it; W and the last bias are free, and a limit that nothing reaches does nothing.</summary>
    public static void MaxWeightNorm(Func<TrainingSettings, Network, ITrainingEngine> create)
    {
        Network Step(Deq.MLNet.Training.Architecture architecture, double? limit)
        {
            var start = architecture.Initialize(3, 2, Link.Identity, new bool[3], new Random(1));
            using var engine = create(Setup.Settings(architecture) with { MaxWeightNorm = limit }, start);
            var rows = Setup.Noise(16, 3, 2, 2);
            engine.Attach(rows with { Targets = [.. rows.Targets.Select(t => t + 5)] });
            for (var step = 0; step < 5; step++)
            {
                engine.Step([.. Enumerable.Range(0, 16)], 0.3);
            }
            return engine.ToNetwork();
        }
        foreach (var architecture in new Deq.MLNet.Training.Architecture[] { Setup.Deq(6, rule: WellPosedness.InfinityNorm(0.99f)) with { EncoderSizes = [5], SkipConnection = true }, Setup.Fnn(6, 5) })
        {
            const double Limit = 0.4;
            var (limited, free) = (Step(architecture, Limit), Step(architecture, null));

            RowSums(free).Max().Should().BeGreaterThan(2 * Limit);
            RowSums(limited).Max().Should().BeInRange(0.999 * Limit, Limit);
            LastBias(limited).Max(Math.Abs).Should().BeGreaterThan((float)Limit);
            if (limited is DeqNetwork deq)
            {
                Linear.RowSums(deq.W.Span, 6).Max().Should().BeGreaterThan(Limit);
            }
            Step(architecture, 1e6).Weights().Should().Equal(free.Weights());
        }
    }

    /// <summary>The sums of magnitudes of all rows that MaxWeightNorm bounds; a bias is a row of its own.</summary>
    private static double[] RowSums(Network network) => network switch
    {
        DeqNetwork deq => [.. Linear.RowSums(deq.U.Span, 5), .. Linear.RowSums(deq.B.Span, 1), .. Linear.RowSums(deq.V.Span, 6), .. Linear.RowSums(deq.S.Span, 3), .. deq.Encoder.SelectMany(OfLayer)],
        FnnNetwork fnn => [.. fnn.Layers.SkipLast(1).SelectMany(OfLayer), .. Linear.RowSums(fnn.Layers[^1].Weights.Span, fnn.Layers[^1].InputSize)],
        _ => throw new NotSupportedException(),
    };

    private static double[] OfLayer(DenseLayer layer) => [.. Linear.RowSums(layer.Weights.Span, layer.InputSize), .. Linear.RowSums(layer.Bias.Span, 1)];

    private static float[] LastBias(Network network) => (network is DeqNetwork deq ? deq.C : ((FnnNetwork)network).Layers[^1].Bias).ToArray();

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
