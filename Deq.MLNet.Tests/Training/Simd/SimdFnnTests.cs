using CsCheck;
using Deq.MLNet.Numerics;
using Deq.MLNet.Training;
using Deq.MLNet.Training.Simd;

namespace Deq.MLNet.Tests.Training.Simd;

public sealed class SimdFnnTests
{
    [Fact]
    public void The_gradient_is_that_of_backpropagation_in_float64()
    {
        (from sizes in Gen.Int[1, 70].Array[0, 3]
         from activation in Gen.Enum<Activation>()
         from outputs in Gen.OneOfConst(1, 3, 9)
         from rows in Gen.OneOfConst(1, 7, 8, 150)
         from weighted in Gen.Bool
         from form in Gen.Enum<VectorForm>()
         from seed in Gen.Int[0, 1_000_000]
         select (sizes, activation, outputs, rows, weighted, form, seed)).Sample(c =>
        {
            var architecture = new FnnArchitecture(c.sizes, c.activation, 0);
            var network = (FnnNetwork)architecture.Initialize(4, c.outputs, Link.Identity, new bool[4], new Random(c.seed));
            var rows = Setup.Noise(c.rows, 4, c.outputs, c.seed, c.weighted);
            var (loss, gradient) = FnnGradient.Of(network, rows);
            using var engine = new SimdEngine(Setup.Settings(architecture), network, c.form);
            engine.Attach(rows);

            // Where outputs come near their targets, the differences that loss and gradient are made of lose digits.
            var cancelled = 1e-6 / Math.Sqrt(loss);
            Setup.RelativeDistance(engine.Gradient([.. Enumerable.Range(1, c.rows - 1), 0]), gradient).Should().BeLessThan(2e-5 + cancelled);
            engine.ReadMetrics().Training.Loss.Should().BeApproximately(loss, (1e-5 + 2 * cancelled) * loss);
            FluentActions.Invoking(() => engine.Evaluate(rows, () => throw new OperationCanceledException())).Should().Throw<OperationCanceledException>();
            engine.Evaluate(rows, () => { }).Loss.Should().BeApproximately(loss, (1e-5 + 2 * cancelled) * loss);
        }, iter: LongForm.Times(60), threads: 1);
    }

    [Fact]
    public void The_gradient_under_dropout_is_that_of_the_masked_network()
    {
        EngineContract.GradientUnderDropout((settings, network) => new SimdEngine(settings, network), (engine, rows) => engine.Gradient(rows), step: 1e-2f, allowed: 1e-4);
    }

    /// <summary>Hidden units that are all 1, read out one by one: the outputs are the mask.</summary>
    [Fact]
    public void Dropout_leaves_out_its_share_keeps_the_mean_and_is_off_in_evaluation()
    {
        const int Units = 51;
        const float Dropout = 0.3f;
        var identity = Enumerable.Range(0, Units * Units).Select(i => i % (Units + 1) == 0 ? 1f : 0).ToArray();
        var ones = Enumerable.Repeat(1f, Units).ToArray();
        var network = new FnnNetwork([new(new float[Units], ones), new(identity, new float[Units])], Activation.ReLU);
        float[][] Masks(int seed, bool training, int epoch = 1)
        {
            var model = new SimdFnn(new FnnArchitecture([Units], Activation.ReLU, Dropout), network, seed, Tile.Best);
            var batch = new SimdBatch(403, 1, Units);
            model.BeginEpoch(epoch);
            float[] Draw()
            {
                model.Prepare(batch, training);
                model.Forward(new RowBlock(0, 403));
                return [.. Enumerable.Range(0, 403).SelectMany(row => batch.Outputs[row].ToArray())];
            }
            return [Draw(), Draw()];
        }

        var masks = Masks(1, training: true);

        masks[0].Should().OnlyContain(m => m == 0 || Math.Abs(m - 1 / (1 - Dropout)) < 1e-6);
        masks[0].Average(m => m == 0 ? 1.0 : 0).Should().BeApproximately(Dropout, 0.02);
        masks[0].Average().Should().BeApproximately(1, 0.03f);
        masks[1].Should().NotEqual(masks[0]);
        Masks(1, training: true)[0].Should().Equal(masks[0]);
        Masks(2, training: true)[0].Should().NotEqual(masks[0]);
        Masks(1, training: true, epoch: 2)[0].Should().NotEqual(masks[0]);
        Masks(1, training: false)[0].Should().OnlyContain(m => m == 1);
        // No row has the mask of another, and no unit goes with another.
        masks[0].Chunk(Units).Select(row => string.Join(',', row)).Distinct().Count().Should().Be(403);
        for (var unit = 1; unit < Units; unit++)
        {
            var together = masks[0].Chunk(Units).Average(row => row[0] * row[unit]);
            together.Should().BeApproximately(1, 0.15f, "the mean of a product of independent masks, of unit {0}", unit);
        }
    }
}
