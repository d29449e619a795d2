using CsCheck;
using Deq.MLNet.Training.Torch;
using Deq.MLNet.Training.Torch.Gradients;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Gradients;

public sealed class JacobianPenaltyTests
{
    private static readonly int[] AllRows = [0, 1, 2, 3, 4, 5];

    /// <summary>Of W, of the slopes and of the equilibrium itself, for the numbers that were drawn.</summary>
    [Theory, OnDevices]
    public void The_gradient_is_that_of_loss_and_penalty_by_central_differences(string device) =>
        (from c in GradientCase.UpTo(6) from weight in Gen.Float[0.05f, 5] from dropout in Gen.OneOfConst(0f, 0.3f) select (c with { Norm = c.Norm * (1 - dropout) }, weight, dropout)).Sample(t =>
        {
            var (c, weight, dropout) = t;
            var (mask, e) = Drawn(c, dropout, device);
            var reference = c.Reference(mask);
            if (c.HasKinks && reference.NearestKink(c.Parameters) < 1e-3)
            {
                return;
            }

            var (gradient, metrics) = c.Gradient(c.Architecture(new Implicit(), 1e-13, dropout: dropout) with { JacobianPenalty = new JacobianPenalty(weight) }, device);

            var expected = c.Differences(p => reference.Loss(p) + weight * Penalty(c, reference, p, e));
            Setup.RelativeDistance(gradient, expected).Should().BeLessThan(1e-6);
            metrics.Training.Loss.Should().BeApproximately(reference.Loss(c.Parameters), 1e-8 * metrics.Training.Loss, "the loss told is without it");
        }, iter: LongForm.Times(50), threads: 1);

    [Fact]
    public void The_curvature_is_the_derivative_of_the_slope()
    {
        using var scope = NewDisposeScope();
        double[] at = [-7, -2.5, -1, -0.3, 0, 0.2, 1.4, 3, 8];
        foreach (var activation in new[] { Activation.Tanh, Activation.GELU, Activation.Softplus })
        {
            var curvature = JacobianRegularizer.Curvature(activation, tensor(at)).data<double>().ToArray();
            curvature.LargestDifference(at.Select(a => (Phi.Slope(activation, a + 1e-5) - Phi.Slope(activation, a - 1e-5)) / 2e-5)).Should().BeLessThan(1e-7, "of {0}", activation);
        }
    }

    [Theory, OnDevices]
    public void Every_so_many_steps_of_an_epoch_have_it_with_numbers_of_their_own(string device)
    {
        var c = new GradientCase(8, 3, 1, 0.8, Activation.Tanh, false, 4);
        double[][] Gradients(JacobianPenalty? penalty, params int[] epochs)
        {
            using var engine = c.Engine(c.Architecture(new Implicit(), 1e-10) with { JacobianPenalty = penalty }, device);
            return [.. epochs.SelectMany(epoch =>
            {
                engine.BeginEpoch(epoch);
                return Enumerable.Range(0, 5).Select(_ => engine.Gradient(AllRows)).ToArray();
            })];
        }
        var without = Gradients(null, 1)[0];
        bool[] With(double[][] gradients) => [.. gradients.Select(g => Setup.RelativeDistance(g, without) > 1e-6)];

        With(Gradients(new JacobianPenalty(1), 1)).Should().Equal(true, true, true, true, true);
        With(Gradients(new JacobianPenalty(1, 2), 1, 2)).Should().Equal(true, false, true, false, true, true, false, true, false, true);
        var drawn = Gradients(new JacobianPenalty(1), 1, 2);
        drawn.Select(g => string.Join(' ', g)).Should().OnlyHaveUniqueItems();
        Gradients(new JacobianPenalty(1), 7, 2)[5..].Should().BeEquivalentTo(drawn[5..], o => o.WithStrictOrdering(), "they follow from the epoch");
        Setup.RelativeDistance(Gradients(new JacobianPenalty(2), 1)[0].Zip(without, (a, b) => a - b), [.. drawn[0].Zip(without, (a, b) => 2 * (a - b))]).Should().BeLessThan(1e-6);
    }

    [Theory, OnDevices]
    public void Training_with_it_leaves_a_smaller_jacobian_and_fewer_iterations(string device)
    {
        var rows = Setup.Smooth(200, 3);
        (double Jacobian, double Iterations) Train(JacobianPenalty? penalty)
        {
            var trained = Setup.Fit(Setup.Settings(Setup.Deq(12, rule: WellPosedness.Spectral(0.95f)) with { JacobianPenalty = penalty }) with { Epochs = 40 }, rows, device);
            var network = (DeqNetwork)trained.Network;
            var jacobian = Enumerable.Range(0, 50).Average(r =>
            {
                var x = Linear.ToDouble(rows.Row(r).Span);
                var (w, injection) = (Linear.ToDouble(network.W.Span), Linear.Affine(Linear.ToDouble(network.U.Span), x, Linear.ToDouble(network.B.Span)));
                var slope = Linear.Affine(w, FixedPoint.Of(w, injection, Activation.Tanh), injection).Select(a => Phi.Slope(Activation.Tanh, a)).ToArray();
                return w.Select((v, i) => Math.Pow(slope[i / 12] * v, 2)).Sum() / 12;
            });
            return (jacobian, trained.History.Epochs[^1].MeanIterations);
        }

        var (without, weak, strong) = (Train(null), Train(new JacobianPenalty(5, 4)), Train(new JacobianPenalty(5)));

        strong.Jacobian.Should().BeLessThan(0.5 * without.Jacobian).And.BeLessThan(0.8 * weak.Jacobian);
        weak.Jacobian.Should().BeLessThan(0.95 * without.Jacobian);
        strong.Iterations.Should().BeLessThan(without.Iterations - 2);
    }

    /// <summary>The masks and deviates of an engine's first batch.</summary>
    private static (double[]? Mask, double[] E) Drawn(GradientCase c, float dropout, string device)
    {
        using var scope = NewDisposeScope();
        var like = zeros(6, c.Size, ScalarType.Float64, TorchSharp.torch.device(device));
        using var masks = new Dropout(dropout, 1, like.device);
        using var random = new EpochRandom(1, JacobianRegularizer.Stream, like.device);
        return (masks.Mask(like)?.cpu().data<double>().ToArray(), random.Normal(like).cpu().data<double>().ToArray());
    }

    /// <summary>The weighted mean over rows of ||W' D e||^2 / d.</summary>
    private static double Penalty(GradientCase c, DeqGradient reference, double[] p, double[] e)
    {
        var (d, w) = (c.Size, reference.Split(p).W);
        return Enumerable.Range(0, 6).Sum(r =>
        {
            var mask = reference.MaskOf(r);
            var scaled = reference.Row(p, r).A.Select((a, i) => mask[i] * Phi.Slope(c.Activation, a) * e[r * d + i]).ToArray();
            return reference.Share(r) * Enumerable.Range(0, d).Sum(j => Math.Pow(Enumerable.Range(0, d).Sum(i => scaled[i] * w[i * d + j]), 2)) / d;
        });
    }
}
