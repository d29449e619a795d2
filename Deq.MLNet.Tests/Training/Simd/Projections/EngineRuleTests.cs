using CsCheck;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Simd;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Tests.Training.Simd.Projections;

public sealed class EngineRuleTests
{
    /// <summary>The rows are noise and the rate is a hundred times a usual one: W is thrown against its rule in every step.</summary>
    [Theory]
    [MemberData(nameof(SimdProjectionTests.Rules), MemberType = typeof(SimdProjectionTests))]
    public void W_obeys_its_rule_whenever_it_is_read(string name)
    {
        Gen.Select(Gen.Int[1, 24], Gen.OneOfConst(0, 0.4f), Gen.Int[0, 1_000_000]).Sample((size, dropout, seed) =>
        {
            var rule = RuleReference.Named(name);
            var architecture = Setup.Deq(size, Activation.Tanh, rule, maxIterations: 3, dropout: dropout);
            var start = new RandomCell(size, 3, 1, 1.5, seed).Fill().Network(Activation.Tanh);
            using var engine = new SimdEngine(Setup.Settings(architecture), start);
            engine.Attach(Setup.Noise(64, 3, 1, seed));
            // A start that breaks the rule is brought under it; the Perron root of |W| may obey it though the norm is 1.5, and then nothing is measured yet.
            if (RuleReference.Excess(rule, Linear.ToDouble(start.W.Span), size, Activation.Tanh, 1 - (double)dropout) > 0)
            {
                Check();
            }
            for (var step = 1; step <= 1_000; step++)
            {
                if (step % 100 == 1)
                {
                    engine.BeginEpoch(step / 100 + 1);
                }
                engine.Step([.. Enumerable.Range(0, 32)], 0.1);
                if (step % 50 == 0 || step < 3)
                {
                    Check();
                }
            }
            ((DeqNetwork)engine.ToNetwork()).Certificate.Should().Match<Certificate>(k => k.RuleHolds && k.IsProved);

            void Check()
            {
                var w = Linear.ToDouble(((DeqNetwork)engine.ToNetwork()).W.Span);
                var excess = RuleReference.Excess(rule, w, size, Activation.Tanh, 1 - (double)dropout);
                excess.Should().BeLessThanOrEqualTo(0);
                if (rule.Bound is { } bound)
                {
                    engine.ReadMetrics().ContractionBound.Should().BeInRange(bound * (1 - (double)dropout) + excess - 1e-9, bound * (1 - (double)dropout) * (1 + 1e-9));
                }
            }
        }, iter: LongForm.Times(2), threads: 1);
    }

    /// <summary>Plain descent from one start: what differs between the engines is rounding.</summary>
    [Theory]
    [MemberData(nameof(SimdProjectionTests.Rules), MemberType = typeof(SimdProjectionTests))]
    public void Both_engines_train_to_the_same_W(string name)
    {
        TorchBackend.EnsureAvailable();
        var architecture = Setup.Deq(20, Activation.Tanh, RuleReference.Named(name), tolerance: 1e-6);
        var settings = Setup.Settings(architecture) with { Optimizer = new Sgd() };
        var start = architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(3));
        using var managed = new SimdEngine(settings, start);
        using var tensors = new TorchEngine(settings, start, "cpu");
        foreach (var engine in new ITrainingEngine[] { managed, tensors })
        {
            engine.Attach(Setup.Smooth(320, 2));
            for (var epoch = 1; epoch <= 3; epoch++)
            {
                engine.BeginEpoch(epoch);
                for (var batch = 0; batch < 10; batch++)
                {
                    engine.Step([.. Enumerable.Range(32 * batch, 32)], 0.1);
                }
                engine.ReadMetrics();
            }
        }
        managed.ReadWeights().LargestDifference(tensors.ReadWeights()).Should().BeLessThan(1e-4);
        managed.ReadWeights().LargestDifference(((DeqNetwork)start).Weights.Arrays.SelectMany(a => a.Values.ToArray())).Should().BeGreaterThan(0.01);
    }
}
