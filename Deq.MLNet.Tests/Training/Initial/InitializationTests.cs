using CsCheck;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Torch;

namespace Deq.MLNet.Tests.Training.Initial;

public sealed class InitializationTests
{
    [Fact]
    public void An_orthogonal_W_keeps_lengths_but_for_its_scale() => Gen.Select(Gen.Int[1, 24], Gen.OneOfConst(0.3f, 0.5f, 1f), Gen.Bool, Gen.Int[0, 100_000]).Sample((size, scale, bound, seed) =>
    {
        var rule = bound ? WellPosedness.Spectral(0.8f) : WellPosedness.None;
        var w = Linear.ToDouble(Start(size, Initialization.Orthogonal(scale), rule, seed).W.Span);

        var s = scale * (bound ? 0.8 : 1);
        Linear.SingularValues(w, size).Should().OnlyContain(v => Math.Abs(v - s) < 1e-6);
    }, iter: LongForm.Times(60));

    [Theory]
    [InlineData(0.2f)]
    [InlineData(0.9f)]
    public void The_scale_of_a_Gaussian_or_triangular_W_is_its_share_of_the_norm_that_the_rule_allows(float scale)
    {
        double Norm(Initialization how) => Linear.SingularValues(Linear.ToDouble(Start(64, how, WellPosedness.Spectral(0.8f)).W.Span), 64)[0];

        Norm(Initialization.Gaussian(scale)).Should().BeInRange(0.7 * scale * 0.8, 1.3 * scale * 0.8);
        Norm(Initialization.Triangular(scale)).Should().BeInRange(0.4 * scale * 0.8, scale * 0.8);
        var w = Start(64, Initialization.Triangular(scale), WellPosedness.None).W.ToArray();
        w.Select((v, i) => v != 0 == i % 64 < i / 64).Should().OnlyContain(below => below);
    }

    [Fact]
    public void The_default_is_a_Gaussian_of_half_the_norm()
    {
        Start(16, Initialization.Gaussian(0.5f), WellPosedness.Spectral()).Weights().Should().Equal(Setup.Deq(16).Initialize(3, 1, Link.Identity, new bool[3], new Random(1)).Weights());
        new FnnArchitecture([7], Activation.ReLU, 0) { Initialization = Initialization.Gaussian(1) }.Initialize(3, 1, Link.Identity, new bool[3], new Random(1)).Weights()
            .Should().Equal(new FnnArchitecture([7], Activation.ReLU, 0).Initialize(3, 1, Link.Identity, new bool[3], new Random(1)).Weights());
    }

    [Fact]
    public void A_W_that_is_given_is_kept_where_it_obeys_the_rule_and_brought_under_it_where_not()
    {
        var w = RandomCell.WithNorm(new Random(5), 6, 0.89);
        float[] Trained(float[] given, WellPosedness rule)
        {
            var architecture = Setup.Deq(6, rule: rule) with { Initialization = Initialization.Given(given) };
            using var engine = new TorchEngine(Setup.Settings(architecture), architecture.Initialize(3, 1, Link.Identity, new bool[3], new Random(1)), TensorPlace.On(TorchBackend.EnsureAvailable()));
            return ((DeqNetwork)engine.ToNetwork()).W.ToArray();
        }

        Trained(w, WellPosedness.Spectral(0.9f)).Should().Equal(w);
        Trained(w, WellPosedness.None).Should().Equal(w);
        Linear.SingularValues(Linear.ToDouble(Trained(w, WellPosedness.Spectral(0.4f))), 6)[0].Should().BeInRange(0.35, 0.4);
        FluentActions.Invoking(() => Initialization.Given([float.NaN])).Should().Throw<ArgumentException>().WithMessage("w holds a value that is not finite*");
        FluentActions.Invoking(() => Initialization.Orthogonal(0)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("scale is 0*");
        var mine = w.ToArray();
        var copied = Initialization.Given(mine);
        mine[0] = 77;
        (Setup.Deq(6, rule: WellPosedness.None) with { Initialization = copied }).Initialize(3, 1, Link.Identity, new bool[3], new Random(1)).Weights()[0].Should().Be(w[0]);
    }

    [Theory]
    [InlineData(9, 4)]
    [InlineData(4, 9)]
    public void Layers_of_a_feed_forward_network_are_orthogonal_by_rows_or_by_columns(int outputs, int inputs)
    {
        var network = (FnnNetwork)new FnnArchitecture([outputs], Activation.ReLU, 0) { Initialization = Initialization.Orthogonal(0.5f) }.Initialize(inputs, 1, Link.Identity, new bool[inputs], new Random(1));

        // Of the shorter side: a matrix of more columns than rows is turned.
        var w = Linear.ToDouble(network.Layers[0].Weights.Span);
        double[] tall = outputs >= inputs ? w : [.. Enumerable.Range(0, w.Length).Select(i => w[i % outputs * inputs + i / outputs])];
        Linear.SingularValues(tall, Math.Min(outputs, inputs)).Should().OnlyContain(v => Math.Abs(v - 0.5 * Math.Sqrt(2)) < 1e-6);
    }

    [Fact]
    public void Columns_of_constant_features_start_at_zero_in_every_first_layer()
    {
        foreach (var how in new[] { Initialization.Gaussian(), Initialization.Orthogonal() })
        {
            var fnn = (FnnNetwork)new FnnArchitecture([5], Activation.ReLU, 0) { Initialization = how }.Initialize(3, 1, Link.Identity, [false, true, false], new Random(1));
            fnn.Layers[0].Weights.ToArray().Select((v, i) => v == 0 == (i % 3 == 1)).Should().OnlyContain(asExpected => asExpected);
        }
        var deq = (DeqNetwork)(Setup.Deq(4) with { EncoderSizes = [5] }).Initialize(3, 1, Link.Identity, [false, true, false], new Random(1));
        deq.Encoder[0].Weights.ToArray().Select((v, i) => v == 0 == (i % 3 == 1)).Should().OnlyContain(asExpected => asExpected);
        deq.U.ToArray().Should().OnlyContain(v => v != 0);
    }

    private static DeqNetwork Start(int size, Initialization how, WellPosedness rule, int seed = 1) =>
        (DeqNetwork)(Setup.Deq(size, rule: rule) with { Initialization = how }).Initialize(3, 1, Link.Identity, new bool[3], new Random(seed));
}
