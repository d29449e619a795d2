using CsCheck;
using Deq.MLNet.Training.Torch.Gradients;
using static TorchSharp.torch;

namespace Deq.MLNet.Tests.Training.Torch.Gradients;

public sealed class FixedPointCorrectionTests
{
    /// <summary>Each iterate, of a plain iteration from zero, gives the gradient of one step of the cell from it.</summary>
    [Theory, OnDevices]
    public void The_gradient_adds_that_of_each_iterates_loss(string device) =>
        (from c in GradientCase.UpTo(10) from count in Gen.Int[1, 6] from weight in Gen.Float[0.1f, 3] select (c, count, weight)).Sample(t =>
        {
            var (c, count, weight) = t;

            var (gradient, metrics) = c.Gradient(c.Architecture(new Implicit(), 1e-12) with { FixedPointCorrection = new FixedPointCorrection(count, weight) }, device);

            var expected = c.Reference().Gradient(c.Parameters);
            var chosen = Chosen(metrics.WorstIterations, count);
            foreach (var steps in chosen)
            {
                expected = [.. expected.Zip(OneStep(c, steps), (a, b) => a + (double)weight / chosen.Length * b)];
            }
            chosen.Should().HaveCount(Math.Min(count, metrics.WorstIterations - 1));
            Setup.RelativeDistance(gradient, expected).Should().BeLessThan(1e-8);
            metrics.Training.Loss.Should().BeApproximately(c.Reference().Loss(c.Parameters), 1e-8 * metrics.Training.Loss, "the loss told is that at the equilibrium");
        }, iter: LongForm.Times(60), threads: 1);

    [Fact]
    public void Iterates_are_evenly_spread_and_the_last_is_not_among_them() =>
        (from count in Gen.Int[1, 7] from length in Gen.Int[1, 300] select (count, length)).Sample(t =>
        {
            var (count, length) = t;
            using var scope = NewDisposeScope();
            var sample = new IterateSample(count);
            for (var repetition = 0; repetition < 2; repetition++)
            {
                sample.Begin();
                for (var i = 0; i < length; i++)
                {
                    sample.Observe(tensor((long)i), tensor(-(long)i));
                }
                var chosen = sample.Choose().Select(pair => (int)pair.Z.item<long>()).ToArray();

                chosen.Should().Equal(Chosen(length, count));
                chosen.Should().HaveCount(Math.Min(count, length - 1)).And.BeInAscendingOrder().And.OnlyHaveUniqueItems().And.NotContain(i => i >= length - 1);
                var ends = chosen.Append(length).Zip(chosen.Prepend(0), (next, before) => next - before);
                ends.Max().Should().BeLessThanOrEqualTo(1 + 2 * (length / count + 1));
                sample.Choose().Should().NotContain(pair => pair.F.item<long>() != -pair.Z.item<long>());
            }
        }, iter: 100, threads: 1);

    /// <summary>A plain iteration that is cut after two steps: what the scorer of a small budget reads.</summary>
    [Theory, OnDevices]
    public void Training_with_it_makes_early_iterates_better(string device)
    {
        var rows = Setup.Smooth(200, 3);
        double LossAfter(FixedPointCorrection? correction, int steps)
        {
            var network = (DeqNetwork)Setup.Fit(Setup.Settings(Setup.Deq(12, rule: WellPosedness.Spectral(0.95f)) with { FixedPointCorrection = correction }) with { Epochs = 60 }, rows, device).Network;
            var cut = new DeqNetwork(network.W.Span, network.U.Span, network.B.Span, network.V.Span, network.C.Span, network.Activation, scoring: new EquilibriumSettings(null, new Tolerance(1e-12), steps));
            return 1 - Setup.RSquared(cut, rows);
        }

        var (without, with, strong) = (LossAfter(null, 3), LossAfter(new FixedPointCorrection(4, 1), 3), LossAfter(new FixedPointCorrection(4, 5), 3));

        with.Should().BeLessThan(0.7 * without);
        strong.Should().NotBe(with);
        LossAfter(new FixedPointCorrection(1, 1), 3).Should().NotBe(with);
        LossAfter(new FixedPointCorrection(4, 1), 200).Should().BeLessThan(0.3, "the equilibrium is trained as ever");
    }

    private static int[] Chosen(int length, int count)
    {
        var stride = 1;
        while ((length + stride - 1) / stride > 2 * count)
        {
            stride *= 2;
        }
        int[] kept = [.. Enumerable.Range(0, length).Where(i => i % stride == 0 && i < length - 1)];
        var chosen = Math.Min(count, kept.Length);
        return [.. Enumerable.Range(0, chosen).Select(i => kept[(int)Math.Floor((i + 0.5) * kept.Length / chosen)])];
    }

    /// <summary>The gradient of the loss of V phi(W z + U x + b) + c with z, the state after some steps from zero, held fixed.</summary>
    private static double[] OneStep(GradientCase c, int steps)
    {
        var (reference, data, p) = (c.Reference(), c.Data, c.Parameters);
        var (w, u, b, v, output) = reference.Split(p);
        var (d, n, k) = (c.Size, c.Inputs, c.Outputs);
        var gradient = new double[p.Length];
        for (var r = 0; r < data.Rows; r++)
        {
            var x = Linear.ToDouble(data.Row(r).Span);
            var (injection, z) = (Linear.Affine(u, x, b), new double[d]);
            for (var step = 0; step < steps; step++)
            {
                z = FixedPoint.Cell(w, injection, z, c.Activation);
            }
            var a = Linear.Affine(w, z, injection);
            var f = a.Select(value => Phi.Of(c.Activation, value)).ToArray();
            var error = Linear.Affine(v, f, output).Select((y, o) => 2 * reference.Share(r) * (y - data.Targets[r * k + o])).ToArray();
            for (var i = 0; i < d; i++)
            {
                var m = Phi.Slope(c.Activation, a[i]) * Enumerable.Range(0, k).Sum(o => error[o] * v[o * d + i]);
                for (var j = 0; j < d; j++)
                {
                    gradient[i * d + j] += m * z[j];
                }
                for (var j = 0; j < n; j++)
                {
                    gradient[d * d + i * n + j] += m * x[j];
                }
                gradient[d * (d + n) + i] += m;
                for (var o = 0; o < k; o++)
                {
                    gradient[d * (d + n + 1) + o * d + i] += error[o] * f[i];
                }
            }
            for (var o = 0; o < k; o++)
            {
                gradient[^(k - o)] += error[o];
            }
        }
        return gradient;
    }
}
