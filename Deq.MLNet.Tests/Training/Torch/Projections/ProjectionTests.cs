using CsCheck;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Projections;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Projections;

public sealed class ProjectionTests
{
    private static readonly string[] Rules = [.. RuleReference.All.Where(rule => rule != WellPosedness.None).Select(rule => $"{rule}".Split('(')[0])];

    public static TheoryData<string, string> DevicesAndRules()
    {
        var all = new TheoryData<string, string>();
        foreach (var device in TrainingDevices.Names)
        {
            foreach (var rule in Rules)
            {
                all.Add(device, rule);
            }
        }
        return all;
    }

    /// <summary>The rows are noise and the rate is a hundred times a usual one: W is thrown against its rule in every step.</summary>
    [Theory, AmongDevices]
    [MemberData(nameof(DevicesAndRules))]
    public void W_obeys_its_rule_after_a_thousand_steps_at_a_large_rate(string device, string name)
    {
        TorchBackend.EnsureAvailable(device);
        (from size in Gen.Int[1, 24]
         from activation in Gen.OneOfConst(ActivationsOf(name))
         from dropout in Gen.OneOfConst(0, name == "Monotone" ? 0 : 0.4f)
         from seed in Gen.Int[0, 1_000_000]
         select (size, activation, dropout, seed)).Sample(c => LargestExcess(device, RuleReference.Named(name), c.size, c.activation, c.dropout, c.seed), iter: LongForm.Times(2), threads: 1);

        LargestExcess(device, RuleReference.Named(name), 8, ActivationsOf(name)[1], 0, 1).Should().BeGreaterThan(-1e-2, "a rule that W never comes near proves nothing");
    }

    /// <summary>Trains, and checks W on the way; returns how near it came to breaking its rule.</summary>
    private static double LargestExcess(string device, WellPosedness rule, int size, Activation activation, float dropout, int seed)
    {
        var architecture = Setup.Deq(size, activation, rule, maxIterations: 3, dropout: dropout);
        var start = architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(seed));
        using var engine = new TorchEngine(Setup.Settings(architecture), start, device);
        engine.Attach(Setup.Noise(64, 3, 1, seed));
        int[] batch = [.. Enumerable.Range(0, 32)];
        var largest = double.NegativeInfinity;
        for (var step = 0; step < 1_000; step++)
        {
            engine.Step(batch, 0.1);
            if (step % 50 == 49 || step < 3)
            {
                var w = Linear.ToDouble(((DeqNetwork)engine.ToNetwork()).W.Span);
                w.Should().OnlyContain(v => double.IsFinite(v));
                var excess = RuleReference.Excess(rule, w, size, activation, 1 - (double)dropout);
                excess.Should().BeLessThanOrEqualTo(0, $"at step {step}");
                largest = Math.Max(largest, excess);
                CheckReported(engine.ReadMetrics().ContractionBound, rule, excess, 1 - (double)dropout);
            }
        }
        ((DeqNetwork)engine.ToNetwork()).Certificate.Should().Match<Certificate>(k => k.RuleHolds && k.IsProved);
        return largest;
    }

    private static void CheckReported(double reported, WellPosedness rule, double excess, double kept)
    {
        if (rule == WellPosedness.StrictlyTriangular)
        {
            reported.Should().Be(double.NaN);
            return;
        }
        // A monotone rule limits an eigenvalue.
        var limit = rule.Bound * kept ?? 0.5;
        reported.Should().BeInRange(limit + excess - 1e-9, limit);
    }

    private static Activation[] ActivationsOf(string rule) => rule == "Monotone" ? [Activation.ReLU, Activation.LeakyReLU, Activation.Identity] : Enum.GetValues<Activation>();

    /// <summary>Singular values, sums of rows, and signs of any kind, near the bound and far beyond it.</summary>
    [Theory, AmongDevices]
    [MemberData(nameof(DevicesAndRules))]
    public void Any_W_is_brought_under_its_rule_and_one_well_inside_stays_bit_for_bit(string device, string name)
    {
        TorchBackend.EnsureAvailable(device);
        (from size in Gen.Int[1, 40]
         from scale in Gen.OneOfConst(1e-12, 0.01, 0.3, 1, 3, 1e4)
         from kind in Gen.Int[0, 3]
         from activation in Gen.OneOfConst(name == "Monotone" ? [Activation.ReLU] : Enum.GetValues<Activation>())
         from seed in Gen.Int[0, 1_000_000]
         select (size, scale, kind, activation, seed)).Sample(c =>
        {
            var rule = RuleReference.Named(name);
            var w = Matrix(c.size, c.kind, c.scale, c.seed);
            var (projected, bound) = Project(device, rule, w, c.size, c.activation);
            var after = RuleReference.Excess(rule, Linear.ToDouble(projected), c.size, c.activation);

            after.Should().BeLessThanOrEqualTo(0, $"{c}");
            rule.Certify(projected, c.size, c.activation).RuleHolds.Should().BeTrue();
            CheckReported(Phi.Lipschitz(c.activation) * bound, rule, after, 1);
            // Where |W| has zeros the vector of its powers may be far from its Perron vector, and the bound far above the root.
            if ((name != "Perron" || w.All(v => v != 0)) && (RuleReference.Excess(rule, Linear.ToDouble(w), c.size, c.activation) < -0.02 || rule.Bound is null && RuleReference.Excess(rule, Linear.ToDouble(w), c.size, c.activation) < -1e-3))
            {
                projected.Should().Equal(w, $"{c}");
            }
        }, iter: LongForm.Times(30), threads: 1);
    }

    /// <summary>Entries of W - W' round by more than the symmetric part is to be moved.</summary>
    [Theory, OnDevices]
    public void A_large_skew_part_does_not_bring_W_out_of_a_monotone_rule(string device)
    {
        TorchBackend.EnsureAvailable(device);
        Gen.Select(Gen.Int[2, 40], Gen.OneOfConst(1.0, 30, 1000), Gen.Int[0, 1_000_000]).Sample((size, skew, seed) =>
        {
            var random = new Random(seed);
            var (a, b) = (RandomCell.Values(random, size * size, 1 / Math.Sqrt(size)), RandomCell.Values(random, size * size, skew));
            float[] w = [.. a.Select((v, i) => v + b[i] - b[i % size * size + i / size])];

            var projected = Project(device, WellPosedness.Monotone(0.5f), w, size).W;

            WellPosedness.Monotone(0.5f).Certify(projected, size, Activation.ReLU).RuleHolds.Should().BeTrue();
            projected.LargestDifference(Linear.ToDouble(w)).Should().BeLessThan(3 + 1e-5 * size * skew, "nearly all of W - W' stays");
        }, iter: LongForm.Times(30), threads: 1);
    }

    [Theory, AmongDevices]
    [MemberData(nameof(DevicesAndRules))]
    public void A_W_with_a_NaN_keeps_it_for_training_to_find_and_zeros_stay_zero(string device, string name)
    {
        TorchBackend.EnsureAvailable(device);
        var rule = RuleReference.Named(name);
        Project(device, rule, [0.1f, 0, 0, float.NaN, 0.2f, 0, 0.1f, 0.1f, 0.3f], 3, Activation.ReLU).W.Where(float.IsNaN).Any().Should().Be(name != "Diagonal", "what is off the diagonal is none of its weights");
        Project(device, rule, new float[9], 3, Activation.ReLU).W.Should().Equal(new float[9]);
    }

    /// <summary>A library whose spectral norm has a scale that is learnt bounds nothing: W of norm 3.0. Here the rows ask for more than the rule allows, and do not get it.</summary>
    [Theory, AmongDevices]
    [MemberData(nameof(DevicesAndRules))]
    public void A_spectral_norm_with_its_learned_scale_bounds_nothing_but_these_rules_do(string device, string name)
    {
        TorchBackend.EnsureAvailable(device);
        var rule = RuleReference.Named(name);
        double Norm(WellPosedness trained)
        {
            // y = 4 x through z = w z + x: without a rule w goes to 3/4 and beyond, whatever its start.
            var network = new DeqNetwork(new Deq.MLNet.Networks.DeqWeights([3, 0, 0, 3], [1, 0], [0, 0], [1, 1], [0]), Activation.Identity, Link.Identity, new EquilibriumSettings(), WellPosedness.None);
            using var engine = new TorchEngine(Setup.Settings(Setup.Deq(2, Activation.Identity, trained, maxIterations: 6)), network, device);
            engine.Attach(new TrainingData(1, 1, [1, 2, 3, 4], [400, 800, 1200, 1600], null));
            for (var step = 0; step < 40; step++)
            {
                engine.Step([0, 1, 2, 3], 0.05);
            }
            return RuleReference.Excess(rule, Linear.ToDouble(((DeqNetwork)engine.ToNetwork()).W.Span), 2, Activation.Identity);
        }

        Norm(rule).Should().BeLessThanOrEqualTo(0);
        Norm(WellPosedness.None).Should().BeGreaterThan(0.1);
    }

    /// <summary>The optimizer's means over gradients know nothing of the rule.</summary>
    [Theory]
    [InlineData("StrictlyTriangular")]
    [InlineData("Diagonal")]
    public void Entries_that_are_always_zero_move_nothing_and_count_in_no_norm(string name)
    {
        var rule = RuleReference.Named(name);
        var architecture = Setup.Deq(6, Activation.Tanh, rule, maxIterations: 30);
        var start = architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(1));
        using var engine = new TorchEngine(Setup.Settings(architecture) with { Optimizer = new Sgd(), GradientClip = 0.01f }, start, TorchBackend.EnsureAvailable());
        engine.Attach(Setup.Noise(64, 3, 1, 4));
        int[] batch = [.. Enumerable.Range(0, 32)];
        var gradient = engine.Gradient(batch);
        bool IsFree(int i) => i >= 36 || (name == "Diagonal" ? i % 7 == 0 : i % 6 < i / 6);
        var free = gradient.Where((_, i) => IsFree(i)).ToArray();
        var before = engine.ReadWeights();

        engine.Step(batch, 1);

        // Plain descent at rate 1 moves the weights by the gradient, scaled to a norm of 0.01.
        var moved = engine.ReadWeights().Zip(before, (a, b) => (double)b - a).ToArray();
        moved.Where((_, i) => !IsFree(i)).Should().OnlyContain(m => m == 0);
        Linear.Norm(moved).Should().BeApproximately(0.01, 1e-5);
        Linear.Norm(gradient).Should().BeGreaterThan(1.005 * Linear.Norm(free));
    }

    internal static (float[] W, double Bound) Project(string device, WellPosedness rule, float[] values, int size, Activation activation = Activation.ReLU)
    {
        using var scope = NewDisposeScope();
        using var projection = Projection.Create(Setup.Deq(size, activation, rule))!;
        var w = tensor(values).view(size, size).to(TorchSharp.torch.device(device), copy: true);
        projection.Apply(w);
        projection.Enforce(w);
        return (DeviceReads.Floats(w), projection.ReadBound());
    }

    /// <summary>Gaussian; positive; sparse; or skew with a little on the diagonal. The 2-norm is near the scale.</summary>
    private static float[] Matrix(int size, int kind, double scale, int seed)
    {
        var random = new Random(seed);
        var g = RandomCell.Values(random, size * size, scale / Math.Sqrt(size));
        return kind switch
        {
            0 => g,
            1 => [.. g.Select(v => Math.Abs(v) / MathF.Sqrt(size))],
            2 => [.. g.Select(v => random.Next(4) == 0 ? v : 0)],
            _ => [.. g.Select((v, i) => i / size == i % size ? -Math.Abs(v) : (i / size < i % size ? 1 : -1) * g[Math.Min(i, i % size * size + i / size)])],
        };
    }
}
