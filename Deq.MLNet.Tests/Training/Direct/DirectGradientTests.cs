using Deq.MLNet.Training;
using Deq.MLNet.Training.Direct;

namespace Deq.MLNet.Tests.Training.Direct;

/// <summary>Gradients of the direct engine against float64 references that share no code with it.</summary>
public sealed class DirectGradientTests
{
    public static TheoryData<string, Activation> Cells
    {
        get
        {
            var data = new TheoryData<string, Activation>();
            foreach (var activation in Enum.GetValues<Activation>())
            {
                foreach (var rule in DirectSetup.Rules.Keys)
                {
                    data.Add(rule, activation);
                }
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Cells))]
    public void The_gradient_of_a_cell_is_that_of_the_implicit_function_theorem(string rule, Activation activation)
    {
        var architecture = Setup.Deq(6, activation, DirectSetup.Rules[rule]) with { EncoderSizes = rule == "Spectral" ? [5, 4] : [], SkipConnection = rule == "Perron" };
        var rows = Setup.Noise(20, 3, 2, 5, weighted: true);
        var start = (DeqNetwork)DirectSetup.Start(architecture, 3, 2, seed: 7);
        using var engine = DirectSetup.Engine(Setup.Settings(architecture) with { Outputs = 2 }, start, rows);

        var reference = new DeqGradient(start.Weights.Shape, activation, rows).Gradient(Linear.ToDouble(engine.ToNetwork().Weights()));

        // What a rule has zero does not move.
        var free = reference.Select((g, i) => i < 36 && (rule == "Diagonal" && i / 6 != i % 6 || rule == "StrictlyTriangular" && i % 6 >= i / 6) ? 0 : g).ToArray();
        Setup.RelativeDistance(engine.Gradient([.. Enumerable.Range(0, 20)]), free).Should().BeLessThan(1e-7);
    }

    [Theory]
    [InlineData(Activation.ReLU)]
    [InlineData(Activation.Tanh)]
    [InlineData(Activation.Softplus)]
    public void The_gradient_of_layers_is_that_of_backpropagation(Activation activation)
    {
        var architecture = new FnnArchitecture([7, 5], activation, 0);
        var rows = Setup.Noise(300, 3, 2, 5, weighted: true);
        var start = DirectSetup.Start(architecture, 3, 2, seed: 7);
        using var engine = DirectSetup.Engine(Setup.Settings(architecture) with { Outputs = 2 }, start, rows);

        Setup.RelativeDistance(engine.Gradient([.. Enumerable.Range(0, 300)]), FnnGradient.Of((FnnNetwork)start, rows).Gradient).Should().BeLessThan(1e-12);
    }

    public static TheoryData<string> Losses => [.. LossReference.All.Select(l => l.ToString()!)];

    [Theory, MemberData(nameof(Losses))]
    public void The_loss_and_its_gradient_are_those_of_the_definition(string name)
    {
        var loss = LossReference.All.First(l => l.ToString() == name);
        var outputs = loss is MulticlassLoss ? 3 : 1;
        var random = new Random(3);
        for (var trial = 0; trial < 50; trial++)
        {
            double[] o = [.. Enumerable.Range(0, outputs).Select(_ => 2 * random.NextDouble() - 1)];
            var label = loss is MulticlassLoss ? random.Next(3) : loss is BinaryLoss ? random.Next(2) : random.NextSingle();
            if (LossReference.DistanceToKink(loss, o, label) < 1e-3)
            {
                continue;
            }
            var gradient = o.ToArray();
            var sums = new DirectLoss(loss).Of(gradient, 0, new TrainingData(1, 1, [0], [label], [3]), 6);

            sums.Weight.Should().Be(3);
            sums.Loss.Should().BeApproximately(3 * LossReference.Of(loss, o, label), 1e-6);
            sums.Metric.Should().BeApproximately(3 * LossReference.Metric(loss, o, label), 1e-9);
            Linear.Distance(gradient, LossReference.Gradient(loss, o, label).Select(g => g / 2)).Should().BeLessThan(1e-6);
        }
    }
}
