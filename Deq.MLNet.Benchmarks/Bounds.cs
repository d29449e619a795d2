using Deq.MLNet.Networks;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>Whether every rule still holds after a training that strains it, measured in float64 apart from the library.</summary>
internal static class Bounds
{
    private const int Steps = 1_000, Features = 4, Rows = 64;

    /// <summary>A learning rate with which Adam would carry every weight far out.</summary>
    private const double LearningRate = 0.3;

    /// <summary>How many of the trainings end with a W that breaks its rule, by its own exact norm.</summary>
    public static int Violations()
    {
        var violations = 0;
        foreach (var rule in RuleReference.All.Where(rule => rule != WellPosedness.None))
        {
            foreach (var size in new[] { 1, 7, 32 })
            {
                foreach (var activation in rule is MonotoneRule ? new[] { Activation.ReLU } : [Activation.ReLU, Activation.GELU])
                {
                    var solver = rule.NaturalSolver(activation);
                    var architecture = new DeqArchitecture(size, activation, rule, solver, solver, new Tolerance(1e-4), 50, new EquilibriumSettings());
                    var random = new Random(size);
                    var rows = new TrainingData(Features, 1, RandomCell.Values(random, Rows * Features, 1), RandomCell.Values(random, Rows, 1), null);
                    using var engine = new TorchEngine(Gradients.SettingsOf(architecture), architecture.Initialize(Features, 1, Link.Identity, new bool[Features], random), "cpu");
                    engine.Attach(rows);
                    engine.Order([.. Enumerable.Range(0, Rows)]);
                    for (var step = 0; step < Steps; step++)
                    {
                        engine.Step(0, Rows, LearningRate);
                    }
                    var w = Linear.ToDouble(((DeqNetwork)engine.ToNetwork()).W.Span);
                    violations += RuleReference.Excess(rule, w, size, activation) <= 0 ? 0 : 1;
                }
            }
        }
        return violations;
    }
}
