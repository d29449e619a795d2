using CsCheck;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Initial;

namespace Deq.MLNet.Tests.Training.Initial;

public sealed class KinkUnitsTests
{
    private static readonly TrainingData Rows = Setup.Noise(200, 3, 1, 5);

    [Fact]
    public void Pre_activations_have_the_spread_and_a_zero_at_a_row_under_every_rule() =>
        (from size in Gen.Int[1, 12]
         from rule in Gen.OneOfConst("None", "Spectral", "InfinityNorm", "Perron", "StrictlyTriangular", "Diagonal")
         from activation in Gen.OneOfConst(Activation.ReLU, Activation.Tanh)
         from spread in Gen.OneOfConst(0.5f, 2f)
         from encoded in Gen.Bool
         from seed in Gen.Int[0, 100_000]
         select (size, rule, activation, spread, encoded, seed)).Sample(t =>
        {
            var architecture = Setup.Deq(t.size, t.activation, RuleReference.Named(t.rule)) with { Initialization = Initialization.Kink(t.spread), EncoderSizes = t.encoded ? [4] : [] };
            var network = (DeqNetwork)Start(architecture, t.seed);

            architecture.Keeps(network).Should().BeTrue();
            network.W.ToArray().Where((_, i) => i % t.size >= i / t.size).Should().OnlyContain(w => w == 0);
            var sums = Enumerable.Range(0, 200).Select(r =>
            {
                var x = Rows.Row(r).Span;
                return Linear.Affine(Linear.ToDouble(network.W.Span), Float64.Equilibrium(network, x), Float64.Injection(network, x));
            }).ToArray();
            for (var unit = 0; unit < t.size; unit++)
            {
                Check([.. sums.Select(s => s[unit])], t.spread);
            }
        }, iter: LongForm.Times(60));

    /// <summary>Its kink is at its largest row. What was left of it, rounding, was scaled up to the spread: weights of 1e7 and more, which no rule could hold.</summary>
    [Theory]
    [InlineData("Spectral")]
    [InlineData("None")]
    public void A_state_that_is_zero_at_every_row_is_not_read_for_its_rounding(string rule)
    {
        var architecture = Setup.Deq(5, Activation.ReLU, RuleReference.Named(rule)) with { Initialization = Initialization.Kink() };
        var network = (DeqNetwork)Start(architecture, 65303);

        Enumerable.Range(0, 200).Max(r => Float64.Equilibrium(network, Rows.Row(r).Span)[0]).Should().BeLessThan(1e-6, "the first state of this seed is such a state");
        architecture.Keeps(network).Should().BeTrue();
        network.W.ToArray().Max(Math.Abs).Should().BeLessThan(1_000);
    }

    [Fact]
    public void States_read_those_before_them_where_the_rule_allows_it()
    {
        float[] Below(WellPosedness rule) => [.. ((DeqNetwork)Start(Setup.Deq(6, Activation.ReLU, rule) with { Initialization = Initialization.Kink() }, 1)).W.ToArray().Where((_, i) => i % 6 < i / 6)];

        Below(WellPosedness.None).Should().OnlyContain(w => w != 0);
        Below(WellPosedness.Diagonal()).Should().OnlyContain(w => w == 0);
        Linear.Norm(Linear.ToDouble(Below(WellPosedness.Spectral(0.2f)))).Should().BeInRange(0.01, Linear.Norm(Linear.ToDouble(Below(WellPosedness.None))));
    }

    [Fact]
    public void Hidden_layers_have_the_spread_and_a_zero_at_a_row_one_after_the_other()
    {
        var network = (FnnNetwork)Start(new FnnArchitecture([7, 5, 6], Activation.ReLU, 0) { Initialization = Initialization.Kink(0.7f) }, 3);

        for (var depth = 1; depth <= 3; depth++)
        {
            var part = new FnnNetwork([.. network.Layers.Take(depth)], Activation.ReLU);
            var sums = Enumerable.Range(0, 200).Select(r => Float64.EvaluateAffine(part, Rows.Row(r).Span)).ToArray();
            for (var unit = 0; unit < part.OutputSize; unit++)
            {
                Check([.. sums.Select(s => s[unit])], 0.7);
            }
        }
        network.Layers[^1].Bias.ToArray().Should().OnlyContain(b => b == 0);
    }

    [Fact]
    public void Constant_features_are_not_read_and_a_unit_of_nothing_is_zero()
    {
        var constant = Rows with { Features = [.. Rows.Features.Select((x, i) => i % 3 == 1 ? 0 : x)] };
        var u = ((DeqNetwork)Start(Setup.Deq(5) with { Initialization = Initialization.Kink() }, 1, constant, [false, true, false])).U.ToArray();
        u.Select((v, i) => v == 0 == (i % 3 == 1)).Should().OnlyContain(asExpected => asExpected);

        var nothing = Rows with { Features = new float[600] };
        Start(Setup.Deq(4) with { Initialization = Initialization.Kink() }, 1, nothing, [true, true, true]).Weights().Should().OnlyContain(w => float.IsFinite(w));
    }

    private static Network Start(Deq.MLNet.Training.Architecture architecture, int seed, TrainingData? rows = null, bool[]? constants = null) =>
        architecture.Initialize(3, 1, Link.Identity, constants ?? new bool[3], new Random(seed), StartColumns.Of(rows ?? Rows, architecture.LargestLayer()));

    private static void Check(double[] sums, double spread)
    {
        var deviation = Math.Sqrt(sums.Average(s => s * s) - sums.Average() * sums.Average());
        deviation.Should().BeApproximately(spread, 1e-4 * spread);
        sums.Min(Math.Abs).Should().BeLessThan(1e-5);
    }
}
