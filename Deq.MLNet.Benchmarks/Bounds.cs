using Deq.MLNet.Tests.References;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Benchmarks;

/// <summary>Whether every rule still holds after a training that strains it, measured in float64 apart from the library.</summary>
internal static class Bounds
{
    private const int Steps = 1_000, Features = 4, Rows = 64;

    /// <summary>A learning rate with which Adam would carry every weight far out.</summary>
    private const double LearningRate = 0.3;

    private static readonly WellPosedness[] Rules =
        [WellPosedness.Spectral(), WellPosedness.InfinityNorm(), WellPosedness.Perron(), WellPosedness.Monotone(0.5f), WellPosedness.StrictlyTriangular, WellPosedness.Diagonal()];

    /// <summary>How many of the trainings end with a W that breaks its rule, by its own exact norm.</summary>
    public static int Violations()
    {
        var violations = 0;
        foreach (var (i, rule) in Rules.Index())
        {
            foreach (var size in new[] { 1, 7, 32 })
            {
                foreach (var activation in i == 3 ? new[] { Activation.ReLU } : [Activation.ReLU, Activation.GELU])
                {
                    var solver = rule.NaturalSolver(activation);
                    var architecture = new DeqArchitecture(size, activation, rule, solver, solver, new Tolerance(1e-4), 50, new EquilibriumSettings());
                    var random = new Random(size);
                    var rows = new TrainingData(Features, 1, RandomCell.Values(random, Rows * Features, 1), RandomCell.Values(random, Rows, 1), null);
                    using var engine = new TorchEngine(Gradients.SettingsOf(architecture), architecture.Initialize(Features, 1, Link.Identity, new bool[Features], random), "cpu");
                    engine.Attach(rows);
                    int[] all = [.. Enumerable.Range(0, Rows)];
                    for (var step = 0; step < Steps; step++)
                    {
                        engine.Step(all, LearningRate);
                    }
                    var w = Linear.ToDouble(((DeqNetwork)engine.ToNetwork()).W.Span);
                    violations += Holds(rule, w, size, Phi.Lipschitz(activation)) ? 0 : 1;
                }
            }
        }
        return violations;
    }

    private static bool Holds(WellPosedness rule, double[] w, int d, double slope)
    {
        double Entry(int i, int j) => w[i * d + j];
        var all = Enumerable.Range(0, d).ToList();
        return rule switch
        {
            SpectralRule { Limit: var c } => slope * Linear.SingularValues(w, d)[0] <= c,
            InfinityNormRule { Limit: var c } => slope * all.Max(i => all.Sum(j => Math.Abs(Entry(i, j)))) <= c,
            PerronRule { Limit: var c } => slope * PerronRoot(w, d) <= c,
            MonotoneRule { Limit: var m } => LargestOfSymmetricPart(w, d) <= 1 - m,
            StrictlyTriangularRule => all.All(i => all.All(j => j < i || Entry(i, j) == 0)),
            DiagonalRule { Limit: var c } => all.All(i => all.All(j => j == i ? slope * Math.Abs(Entry(i, i)) <= c : Entry(i, j) == 0)),
            _ => throw new NotSupportedException($"{rule}"),
        };
    }

    /// <summary>From below: the least of (|W| s)_i / s_i, which grows to the root as s goes to its vector (Collatz and Wielandt).</summary>
    private static double PerronRoot(double[] w, int d)
    {
        var s = Enumerable.Repeat(1.0, d).ToArray();
        var least = 0.0;
        for (var step = 0; step < 2_000; step++)
        {
            var next = Linear.Affine([.. w.Select(Math.Abs)], s, new double[d]);
            least = Enumerable.Range(0, d).Min(i => next[i] / s[i]);
            // The unit matrix added keeps every entry positive.
            s = [.. next.Zip(s, (a, b) => a + b)];
            var norm = Linear.Norm(s);
            s = [.. s.Select(v => v / norm)];
        }
        return least;
    }

    private static double LargestOfSymmetricPart(double[] w, int d)
    {
        var symmetric = Enumerable.Range(0, d * d).Select(i => (w[i] + w[i % d * d + i / d]) / 2).ToArray();
        // Shifted so far that every eigenvalue is positive, the largest is the largest singular value.
        var shift = Linear.Norm(symmetric);
        return Linear.SingularValues([.. symmetric.Select((v, i) => v + (i % (d + 1) == 0 ? shift : 0))], d)[0] - shift;
    }
}
