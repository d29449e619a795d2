using CsCheck;
using Deq.MLNet.Training.Simd;
using Deq.MLNet.Training.Simd.Projections;
using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Projections;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Simd.Projections;

public sealed class SimdProjectionTests
{
    public static TheoryData<string> Rules() => ["Spectral", "InfinityNorm", "Perron", "Diagonal", "StrictlyTriangular"];

    /// <summary>Gaussian; positive; sparse; of rank one. The 2-norm is near the scale.</summary>
    [Theory]
    [MemberData(nameof(Rules))]
    public void Any_W_is_brought_under_its_rule_and_one_well_inside_stays_bit_for_bit(string name)
    {
        (from size in Gen.Int[1, 70]
         from scale in Gen.OneOfConst(1e-12, 0.01, 0.3, 1, 3, 1e4)
         from kind in Gen.Int[0, 3]
         from activation in Gen.OneOfConst(Enum.GetValues<Activation>())
         from dropout in Gen.OneOfConst(0, 0.4f)
         from seed in Gen.Int[0, 1_000_000]
         select (size, scale, kind, activation, dropout, seed)).Sample(c =>
        {
            var rule = RuleReference.Named(name);
            var random = new Random(c.seed);
            var (g, u, v) = (RandomCell.Values(random, c.size * c.size, c.scale / Math.Sqrt(c.size)), RandomCell.Values(random, c.size, 1), RandomCell.Values(random, c.size, c.scale / c.size));
            float[] start = c.kind switch
            {
                0 => g,
                1 => [.. g.Select(w => Math.Abs(w) / MathF.Sqrt(c.size))],
                2 => [.. g.Select(w => random.Next(4) == 0 ? w : 0)],
                _ => [.. g.Select((_, i) => u[i / c.size] * v[i % c.size])],
            };
            var w = Parameter(start, c.size);
            var projection = SimdProjection.Create(Setup.Deq(c.size, c.activation, rule, dropout: c.dropout))!;
            projection.Project(w);
            projection.Enforce(w);
            var kept = 1 - (double)c.dropout;
            var excess = RuleReference.Excess(rule, Linear.ToDouble(w.ValueSpan), c.size, c.activation, kept);

            excess.Should().BeLessThanOrEqualTo(0, $"{c}");
            rule.Certify(w.ValueSpan.ToArray(), c.size, c.activation).RuleHolds.Should().BeTrue();
            if (rule.Bound is { } bound)
            {
                (Phi.Lipschitz(c.activation) * projection.Bound).Should().BeInRange(kept * bound + excess - 1e-9, kept * bound * (1 + 1e-9));
            }
            else
            {
                projection.Bound.Should().Be(double.NaN);
            }
            // Where |W| has zeros the vector of its powers may be far from its Perron vector, and the bound far above the root.
            if ((name != "Perron" || start.All(value => value != 0)) && RuleReference.Excess(rule, Linear.ToDouble(start), c.size, c.activation, kept) < (rule.Bound is null ? 0 : -0.02))
            {
                w.ValueSpan.ToArray().Should().Equal(start, $"{c}");
            }
        }, iter: LongForm.Times(100), threads: 1);
    }

    /// <summary>One sequence of steps, projected by both engines: by the same estimates, or the weights would drift apart.</summary>
    [Theory]
    [MemberData(nameof(Rules))]
    public void Both_engines_project_alike_step_by_step(string name)
    {
        TorchBackend.EnsureAvailable();
        Gen.Select(Gen.Int[1, 48], Gen.OneOfConst(0.001, 0.01, 0.1), Gen.Int[0, 1_000_000]).Sample((size, rate, seed) =>
        {
            var architecture = Setup.Deq(size, Activation.Tanh, RuleReference.Named(name));
            var projection = SimdProjection.Create(architecture)!;
            using var ofTensors = Projection.Create(architecture)!;
            var walk = new WalkOfW(size, rate, seed);
            var w = Parameter(WalkOfW.Start(size, 1, seed), size);
            using var other = tensor(w.ValueSpan.ToArray()).view(size, size);
            for (var step = 0; step < 60; step++)
            {
                using var scope = NewDisposeScope();
                if (step % 20 == 0)
                {
                    projection.BeginEpoch();
                    ofTensors.BeginEpoch();
                }
                var change = walk.Next();
                System.Numerics.Tensors.TensorPrimitives.Add(w.ValueSpan, change, w.ValueSpan);
                other.AddInPlace(tensor(change).view(size, size));
                projection.Project(w);
                ofTensors.Apply(other);
                if (step % 20 == 19)
                {
                    projection.Enforce(w);
                    ofTensors.Enforce(other);
                    if (name != "StrictlyTriangular")
                    {
                        projection.Bound.Should().BeApproximately(ofTensors.ReadBound(), 1e-5);
                    }
                }
                w.ValueSpan.ToArray().LargestDifference(Linear.ToDouble(DeviceReads.Floats(other))).Should().BeLessThan(1e-5, $"step {step} of size {size}, rate {rate}, seed {seed}");
            }
        }, iter: LongForm.Times(6), threads: 1);
    }

    [Theory]
    [InlineData(1e-3, 0.15)]
    [InlineData(1e-2, 0.3)]
    public void In_a_step_the_spectral_norm_is_near_its_rule_and_an_epochs_end_hardly_moves_W(double rate, double above)
    {
        // The walk heads harder for one direction than trainings do.
        // Walks that are always the same: another may go further beyond, up to a third at the larger rate.
        foreach (var (size, seed) in new[] { (16, 1), (30, 2), (48, 3), (64, 4) })
        {
            var limit = (double)WellPosedness.Spectral().Bound!.Value;
            var projection = SimdProjection.Create(Setup.Deq(size, Activation.Tanh, WellPosedness.Spectral()))!;
            var walk = new WalkOfW(size, rate, seed);
            var w = Parameter(WalkOfW.Start(size, 2, seed), size);
            var largest = 0.0;
            for (var epoch = 0; epoch < 4; epoch++)
            {
                projection.BeginEpoch();
                for (var step = 0; step < 20; step++)
                {
                    System.Numerics.Tensors.TensorPrimitives.Add(w.ValueSpan, walk.Next(), w.ValueSpan);
                    projection.Project(w);
                    largest = Math.Max(largest, Norm());
                }
                var before = Norm();
                projection.Enforce(w);
                Norm().Should().BeInRange(before * (1 - 0.01 - above), before).And.BeLessThanOrEqualTo(limit);
            }
            largest.Should().BeInRange(0.98 * limit, (1 + above) * limit, $"size {size}, seed {seed}");

            double Norm() => Linear.SingularValues(Linear.ToDouble(w.ValueSpan), size)[0];
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void After_a_thousand_large_steps_W_obeys_its_rule(string name)
    {
        Gen.Select(Gen.Int[1, 24], Gen.OneOfConst(Activation.ReLU, Activation.GELU), Gen.Int[0, 1_000_000]).Sample((size, activation, seed) =>
        {
            var rule = RuleReference.Named(name);
            var projection = SimdProjection.Create(Setup.Deq(size, activation, rule))!;
            var walk = new WalkOfW(size, 0.1, seed);
            var w = Parameter(WalkOfW.Start(size, 1, seed), size);
            var largest = double.NegativeInfinity;
            for (var step = 1; step <= 1_000; step++)
            {
                System.Numerics.Tensors.TensorPrimitives.Add(w.ValueSpan, walk.Next(), w.ValueSpan);
                projection.Project(w);
                if (step % 50 == 0)
                {
                    projection.Enforce(w);
                    var excess = RuleReference.Excess(rule, Linear.ToDouble(w.ValueSpan), size, activation);
                    excess.Should().BeLessThanOrEqualTo(0, $"step {step}");
                    largest = Math.Max(largest, excess);
                }
            }
            largest.Should().BeGreaterThan(-0.02, "a rule that W never comes near proves nothing");
        }, iter: LongForm.Times(3), threads: 1);
    }

    /// <summary>A W of zeros, or one whose rows vanish, must not end the iteration: it is to find what W becomes.</summary>
    [Theory]
    [MemberData(nameof(Rules))]
    public void Zeros_stay_zero_and_what_comes_after_them_is_found(string name)
    {
        var rule = RuleReference.Named(name);
        var projection = SimdProjection.Create(Setup.Deq(9, Activation.ReLU, rule))!;
        var w = Parameter(new float[81], 9);
        for (var step = 0; step < 5; step++)
        {
            projection.Project(w);
            projection.Enforce(w);
            w.ValueSpan.ToArray().Should().OnlyContain(v => v == 0);
        }
        RandomCell.Values(new Random(1), 81, 3).CopyTo(w.ValueSpan);
        for (var step = 0; step < 30; step++)
        {
            projection.Project(w);
        }
        RuleReference.Excess(rule, Linear.ToDouble(w.ValueSpan), 9, Activation.ReLU).Should().BeInRange(-0.05, 0);
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_NaN_is_left_for_training_to_find(string name)
    {
        var w = Parameter([0.1f, 0, 0, float.NaN, 0.2f, 0, 0.1f, 0.1f, 0.3f], 3);
        var projection = SimdProjection.Create(Setup.Deq(3, Activation.ReLU, RuleReference.Named(name)))!;
        projection.Project(w);
        projection.Enforce(w);
        w.ValueSpan.ToArray().Any(float.IsNaN).Should().Be(name != "Diagonal", "what is off the diagonal is none of its weights");
    }

    [Theory]
    [InlineData("Diagonal", new[] { 1f, 0, 0, 0, 5, 0, 0, 0, 9 })]
    [InlineData("StrictlyTriangular", new[] { 0f, 0, 0, 4, 0, 0, 7, 8, 0 })]
    [InlineData("Spectral", new[] { 1f, 2, 3, 4, 5, 6, 7, 8, 9 })]
    public void Gradients_of_entries_that_are_always_zero_count_for_nothing(string name, float[] expected)
    {
        var w = Parameter(new float[9], 3);
        Enumerable.Range(1, 9).Select(i => (float)i).ToArray().CopyTo(w.GradientSpan);
        SimdProjection.Create(Setup.Deq(3, Activation.ReLU, RuleReference.Named(name)))!.Restrict(w);
        w.GradientSpan.ToArray().Should().Equal(expected);
    }

    private static SimdParameter Parameter(float[] values, int size)
    {
        var parameters = new SimdParameters(("W", [size, size]));
        Kept.Add(parameters);
        values.CopyTo(parameters.Values);
        return parameters["W"];
    }

    /// <summary>A parameter does not keep its memory alive.</summary>
    [ThreadStatic]
    private static List<SimdParameters>? _kept;

    private static List<SimdParameters> Kept => _kept ??= [];
}
