using CsCheck;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Initial;
using Deq.MLNet.Training.Simd;
using AnyArchitecture = Deq.MLNet.Training.Architecture;

namespace Deq.MLNet.Tests.Training.Initial;

/// <summary>Networks that start with more units than the one they are given.</summary>
public sealed class GrowthTests
{
    private static readonly TrainingData Rows = Setup.Noise(150, 3, 2, 5);

    private static readonly Gen<Initialization> Standing = Gen.OneOfConst(Initialization.Gaussian(), Initialization.Orthogonal(), Initialization.Kink());

    [Fact]
    public void A_cell_that_grows_keeps_its_function_and_its_states() =>
        (from old in Gen.Int[1, 6]
         from added in Gen.Int[1, 6]
         from how in Standing
         from rule in Gen.OneOfConst("None", "Spectral", "InfinityNorm", "Perron", "StrictlyTriangular", "Diagonal")
         from encoded in Gen.Bool
         from skips in Gen.Bool
         from seed in Gen.Int[0, 100_000]
         select (old, added, how, rule, encoded, skips, seed)).Sample(t =>
        {
            DeqArchitecture Of(int size) => Setup.Deq(size, Activation.ReLU, RuleReference.Named(t.rule)) with { EncoderSizes = t.encoded ? [4] : [], SkipConnection = t.skips };
            using var first = new SimdEngine(Setup.Settings(Of(t.old)), Start(Of(t.old), t.seed));
            var network = (DeqNetwork)first.ToNetwork();

            var grown = (DeqNetwork)Grow(Of(t.old + t.added) with { Initialization = t.how }, network, t.seed);

            var (d, w) = (t.old + t.added, grown.W.ToArray());
            w.Where((_, i) => i / d < t.old && i % d < t.old).Should().Equal(network.W.ToArray());
            w.Where((_, i) => i / d < t.old && i % d >= t.old).Should().OnlyContain(v => v == 0);
            grown.B.ToArray()[..t.old].Should().Equal(network.B.ToArray());
            grown.U.ToArray()[t.old..].Should().Contain(u => u != 0);
            // What a form forbids is taken from new states where training begins.
            using var engine = new SimdEngine(Setup.Settings(Of(d)), grown);
            (Of(d).Keeps(grown) || t.rule is "StrictlyTriangular" or "Diagonal").Should().BeTrue();
            SameOutputs(network, grown, 0);
            SameOutputs(network, engine.ToNetwork(), 0);
        }, iter: LongForm.Times(60));

    [Fact]
    public void Hidden_layers_that_widen_keep_their_function() =>
        (from old in Gen.Int[1, 6].Array[0, 3]
         from added in Gen.Int[0, 4].Array[3]
         from how in Standing
         from seed in Gen.Int[0, 100_000]
         select (old, added, how, seed)).Sample(t =>
        {
            var network = (FnnNetwork)Start(new FnnArchitecture(t.old, Activation.ReLU, 0), t.seed);

            var grown = (FnnNetwork)Grow(new FnnArchitecture([.. t.old.Select((size, i) => size + t.added[i])], Activation.ReLU, 0) { Initialization = t.how }, network, t.seed);

            SameOutputs(network, grown, 0);
        }, iter: LongForm.Times(60));

    [Fact]
    public void New_states_under_a_cascade_read_an_output()
    {
        var how = Initialization.Cascade(0.5f, 2, noise: 0);
        var network = (DeqNetwork)Start(Setup.Deq(4, Activation.ReLU, WellPosedness.None) with { SkipConnection = true, Initialization = Initialization.Kink() }, 7, skip: 0.3f);
        var outputs = Enumerable.Range(0, Rows.Rows).Select(r => Float64.EvaluateAffine(network, Rows.Row(r).Span)).ToArray();

        var grown = (DeqNetwork)Grow(Setup.Deq(40, Activation.ReLU, WellPosedness.None) with { SkipConnection = true, Initialization = how }, network, 8);

        var sums = Enumerable.Range(0, Rows.Rows).Select(r =>
        {
            var x = Rows.Row(r).Span;
            return Linear.Affine(Linear.ToDouble(grown.W.Span), Float64.Equilibrium(grown, x), Float64.Injection(grown, x));
        }).ToArray();
        CheckCascade(36, outputs, (row, unit) => sums[row][4 + unit]);
        grown.W.ToArray().Where((_, i) => i / 40 < 4 && i % 40 >= 4).Should().OnlyContain(w => w == 0);
        // The read-outs of those states, 72 of deviation 1/2.
        Math.Sqrt(grown.V.ToArray().Where((_, i) => i % 40 >= 4).Average(v => v * v)).Should().BeInRange(0.35, 0.65);
        grown.V.ToArray().Where((_, i) => i % 40 < 4).Should().Equal(network.V.ToArray());
    }

    [Fact]
    public void A_new_hidden_layer_under_a_cascade_reads_an_output_and_is_read_anew()
    {
        var network = (FnnNetwork)Start(new FnnArchitecture([5], Activation.ReLU, 0) { Initialization = Initialization.Kink() }, 7);
        var outputs = Enumerable.Range(0, Rows.Rows).Select(r => Float64.EvaluateAffine(network, Rows.Row(r).Span)).ToArray();

        var grown = (FnnNetwork)Grow(new FnnArchitecture([5, 36], Activation.ReLU, 0) { Initialization = Initialization.Cascade(0.5f, 2, noise: 0) }, network, 8);

        grown.Layers[0].Weights.ToArray().Should().Equal(network.Layers[0].Weights.ToArray());
        var before = new FnnNetwork([.. grown.Layers.Take(2)], Activation.ReLU);
        var sums = Enumerable.Range(0, Rows.Rows).Select(r => Float64.EvaluateAffine(before, Rows.Row(r).Span)).ToArray();
        CheckCascade(36, outputs, (row, unit) => sums[row][unit]);
        Math.Sqrt(grown.Layers[^1].Weights.ToArray().Average(v => v * v)).Should().BeInRange(0.35, 0.65);
        grown.Layers[^1].Bias.ToArray().Should().OnlyContain(b => b == 0);
    }

    [Fact]
    public void The_noise_of_a_cascade_is_a_share_of_its_weights()
    {
        var network = (FnnNetwork)Start(new FnnArchitecture([50], Activation.ReLU, 0), 7);
        float[] Weights(float noise) => ((FnnNetwork)Grow(new FnnArchitecture([50, 20], Activation.ReLU, 0) { Initialization = Initialization.Cascade(noise: noise) }, network, 8)).Layers[1].Weights.ToArray();

        var shares = Weights(0.1f).Zip(Weights(0), (a, b) => (double)a / b - 1).ToArray();

        Math.Sqrt(shares.Average(s => s * s)).Should().BeApproximately(0.1, 0.01);
    }

    [Fact]
    public void A_cascade_without_a_network_to_grow_is_a_kink_start()
    {
        float[] Weights(Initialization how) => Start(Setup.Deq(5, Activation.ReLU) with { Initialization = how }, 4).Weights();
        Weights(Initialization.Cascade()).Should().Equal(Weights(Initialization.Kink()));
    }

    [Fact]
    public void What_cannot_grow_is_refused()
    {
        FluentActions.Invoking(() => (Setup.Deq(5) with { Cell = DeqCell.LayerNormalized }).Adopt(Start(Setup.Deq(4) with { Cell = DeqCell.LayerNormalized }, 1))).Should().Throw<DeqException>().WithMessage("*HiddenSize 4*");
        FluentActions.Invoking(() => Setup.Deq(3).Adopt(Start(Setup.Deq(4), 1))).Should().Throw<DeqException>().WithMessage("*HiddenSize 4*set to 3*");
        FluentActions.Invoking(() => Setup.Fnn(4, 3).Adopt(Start(Setup.Fnn(5), 1))).Should().Throw<DeqException>().WithMessage("*HiddenSizes 5*set to 4, 3*");
    }

    [Theory]
    [InlineData("deq")]
    [InlineData("fnn")]
    public void What_grows_starts_as_the_function_given_on_rows_of_another_scale(string kind)
    {
        AnyArchitecture Of(int size) => kind == "deq" ? Setup.Deq(size, Activation.ReLU) : new FnnArchitecture([size, 5], Activation.ReLU, 0);
        var first = Setup.Fit(Setup.Settings(Of(4)) with { Epochs = 20 }, Setup.Smooth(96, 10)).Network;
        var other = Setup.Smooth(96, 11, x => 3 * x + 1, y => -20 * y + 500);

        var second = Setup.Fit(Setup.Settings(Of(9) with { Initialization = Initialization.Kink() }) with { Epochs = 1, LearningRate = 1e-12 }, other, initial: first).Network;

        second.ParameterCount.Should().BeGreaterThan(first.ParameterCount);
        Setup.Outputs(first, other).LargestDifference(Setup.Outputs(second, other)).Should().BeLessThan(1e-4 * 500);
    }

    [Fact]
    public void The_units_that_are_there_are_told_to_the_engine()
    {
        IReadOnlyList<int> Frozen(AnyArchitecture architecture, Network? initial)
        {
            IReadOnlyList<int>? frozen = null;
            NetworkTraining.Fit(Setup.Settings(architecture) with { Epochs = 1 }, (settings, start) =>
            {
                frozen = settings.FrozenUnits;
                return new SimdEngine(settings, start);
            }, Setup.Smooth(20, 1), null, initial, new RecordingMonitor());
            return frozen!;
        }
        Network Small(AnyArchitecture architecture) => architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(1));

        Frozen(Setup.Deq(6) with { EncoderSizes = [5] }, Small(Setup.Deq(4) with { EncoderSizes = [5] })).Should().Equal(5, 4);
        Frozen(Setup.Fnn(6, 5, 4), Small(Setup.Fnn(3, 5))).Should().Equal(3, 5, 0);
        Frozen(Setup.Fnn(6, 5), null).Should().BeEmpty();
        FluentActions.Invoking(() => Setup.Fit(Setup.Settings(Setup.Fnn(6)) with { FrozenEpochs = 2 }, Setup.Smooth(20, 1))).Should().Throw<DeqException>().WithMessage("FrozenEpochs is set*there is none*");
    }

    [Theory, OnDevices]
    public void A_cell_under_Monotone_grows_and_has_kinks_at_rows(string device)
    {
        DeqArchitecture Of(int size) => Setup.Deq(size, Activation.ReLU, WellPosedness.Monotone(0.2f), new PeacemanRachford(), new PeacemanRachford(), 1e-6) with { Initialization = Initialization.Kink() };
        var monitor = new RecordingMonitor();
        var settings = Setup.Settings(Of(3)) with { Epochs = 3 };
        var small = Setup.Fit(settings, Setup.Smooth(64, 1), device, monitor: monitor).Network;

        var grown = Setup.Fit(settings with { Architecture = Of(7), Epochs = 1, LearningRate = 1e-12 }, Setup.Smooth(64, 1), device, initial: small, monitor: monitor).Network;

        var (w, d) = (((DeqNetwork)grown).W.ToArray(), 7);
        ((DeqNetwork)grown).Certificate.RuleHolds.Should().BeTrue();
        w.Where((_, i) => i / d >= 3 && i % d < i / d).Should().Contain(v => v != 0);
        Setup.Outputs(grown, Setup.Smooth(64, 1)).LargestDifference(Setup.Outputs(small, Setup.Smooth(64, 1))).Should().BeLessThan(1e-3);
        monitor.Warnings.Should().BeEmpty();
    }

    [Fact]
    public void Weights_above_their_limit_are_told_of()
    {
        IEnumerable<string> Warnings(double? limit)
        {
            var monitor = new RecordingMonitor();
            var network = new FnnNetwork([new DenseLayer(new float[] { 1, -2, 1, 0.5f, 0, 0 }, new float[] { 3, 0 }), new DenseLayer(new float[] { 1, 1 }, new float[] { 9 })], Activation.Tanh);
            NetworkTraining.Fit(Setup.Settings(Setup.Fnn(2)) with { Epochs = 1, MaxWeightNorm = limit, NormalizeFeatures = false, NormalizeTargets = false }, (s, start) => new SimdEngine(s, start), Setup.Smooth(20, 1), null, network, monitor);
            return monitor.Warnings;
        }
        Warnings(3.5).Should().ContainSingle().Which.Should().StartWith("The model to start from has a row of weights, or a bias, of the sum of magnitudes 4 on the rows' scale, above MaxWeightNorm 3.5");
        Warnings(4).Should().BeEmpty();
        Warnings(null).Should().BeEmpty();
    }

    [Fact]
    public void A_rule_that_leaves_new_states_no_room_is_told_of()
    {
        var monitor = new RecordingMonitor();
        var wide = Setup.Deq(6, Activation.ReLU, WellPosedness.Spectral(0.5f)) with { Initialization = Initialization.LogTimescales() };
        var network = Setup.Deq(3, Activation.ReLU, WellPosedness.Spectral(0.5f)).Initialize(3, 1, Link.Identity, new bool[3], new Random(1));

        Setup.Fit(Setup.Settings(wide) with { Epochs = 1 }, Setup.Smooth(20, 1), initial: network, monitor: monitor);

        monitor.Warnings.Should().ContainSingle().Which.Should().StartWith("With the states added, W is projected onto Spectral(0.5)");
    }

    /// <summary>At its limit a 2-norm has little left for rows that are added, what it was projected below the bound; row sums and the Perron root have as much as ever.</summary>
    [Theory]
    [InlineData("Spectral", false)]
    [InlineData("InfinityNorm", true)]
    [InlineData("Perron", true)]
    public void What_new_states_may_read_beside_a_W_at_its_limit_depends_on_the_rule(string rule, bool hasRoom)
    {
        DeqArchitecture Of(int size) => Setup.Deq(size, Activation.ReLU, RuleReference.Named(rule));
        // Far above the limit, and so at it once a training has begun.
        var far = Of(4).Make(((DeqNetwork)Start(Of(4), 7)).Weights with { W = RandomCell.Values(new Random(7), 16, 3) }, Link.Identity);
        using var first = new SimdEngine(Setup.Settings(Of(4)), far);

        var grown = (DeqNetwork)Grow(Of(8) with { Initialization = Initialization.Cascade() }, first.ToNetwork(), 8);

        var read = grown.W.ToArray().Where((_, i) => i / 8 >= 4).Max(Math.Abs);
        (read > 0.1).Should().Be(hasRoom, $"{read} is the most that new states read");
    }

    /// <summary>Every unit is gain (y - threshold) of one output, as a line through its values tells.</summary>
    private static void CheckCascade(int units, double[][] outputs, Func<int, int, double> sums)
    {
        var (gains, read) = (new List<double>(), new HashSet<int>());
        for (var unit = 0; unit < units; unit++)
        {
            var fits = Enumerable.Range(0, 2).Select(k =>
            {
                var (first, last) = (Array.FindIndex(outputs, o => o[k] == outputs.Min(p => p[k])), Array.FindIndex(outputs, o => o[k] == outputs.Max(p => p[k])));
                var gain = (sums(last, unit) - sums(first, unit)) / (outputs[last][k] - outputs[first][k]);
                var threshold = outputs[first][k] - sums(first, unit) / gain;
                var error = Enumerable.Range(0, outputs.Length).Max(r => Math.Abs(gain * (outputs[r][k] - threshold) - sums(r, unit)));
                var range = outputs[last][k] - outputs[first][k];
                return (k, gain, error, at: (threshold - outputs[first][k]) / range);
            }).MinBy(f => f.error);
            fits.error.Should().BeLessThan(1e-4);
            Math.Abs(fits.gain).Should().BeInRange(0.4999, 2.0001);
            fits.at.Should().BeInRange(-0.1001, 1.0001);
            gains.Add(fits.gain);
            read.Add(fits.k);
        }
        gains.Should().Contain(g => g > 0).And.Contain(g => g < 0);
        read.Should().BeEquivalentTo([0, 1]);
    }

    private static Network Start(AnyArchitecture architecture, int seed, float skip = 0)
    {
        var start = architecture.Initialize(3, 2, Link.Identity, new bool[3], new Random(seed), StartColumns.Of(Rows, architecture.LargestLayer()));
        return skip == 0 ? start : ((DeqArchitecture)architecture).Make(((DeqNetwork)start).Weights with { S = RandomCell.Values(new Random(seed), 6, skip) }, Link.Identity);
    }

    private static Network Grow(AnyArchitecture architecture, Network network, int seed) =>
        architecture.Start(architecture.Adopt(network), new StartInputs(3, 2, Link.Identity, new bool[3], new Random(seed + 1), StartColumns.Of(Rows, architecture.LargestLayer())));

    private static void SameOutputs(Network one, Network other, double allowed)
    {
        foreach (var row in Enumerable.Range(0, 10))
        {
            var x = Rows.Row(row).Span;
            Float64.EvaluateAffine(one, x).Zip(Float64.EvaluateAffine(other, x), (a, b) => Math.Abs(a - b)).Max().Should().BeLessThanOrEqualTo(allowed + 1e-9);
        }
    }
}
